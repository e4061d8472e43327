"""The lives of signing keys: whatever is done in whatever order, verifiers live on (D6)."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from domain.errors import Conflict
from domain.model.key_rotation import ANNOUNCEMENT_MARGIN
from domain.model.keys import KeyId, KeySchedule, KeyState, SigningAlgorithm, SigningKey
from domain.model.tokens import AccessTokenClaims
from domain.usecases.administer_keys import KeyStanding
from support.core import ANNOUNCEMENT, POLICY, HandWiredCore, build_core, draft
from support.domain_samples import DAY, HOUR, SECOND
from support.doubles import PlainTokenVerifier
from support.unproved_tokens import peek

T = TypeVar("T")

JWKS_MAX_AGE = HOUR
INTERVAL = 30 * DAY

algorithms = st.sampled_from(SigningAlgorithm)
spans = st.sampled_from(
    [SECOND, 90 * SECOND, HOUR, ANNOUNCEMENT - SECOND, ANNOUNCEMENT, 2 * DAY, INTERVAL]
)
lifetimes = st.sampled_from([None, SECOND, 600 * SECOND, 6 * HOUR, 3 * DAY])
anyone = st.integers(0, 2**16)


@dataclass(frozen=True)
class Signed:
    """A token and what signed it."""

    key_id: str
    claims: AccessTokenClaims


class KeyLives(RuleBasedStateMachine):
    """Rotates, imports, retires and revokes, issues tokens, and lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.core: HandWiredCore = self.run(build_core(policy=POLICY))
        self.credentials = self.run(self.core.register(draft()))
        self.numbers = count()
        self.tokens: list[Signed] = []
        self.revoked: set[str] = set()
        self.hasty: set[str] = {key.key_id for key in self.keys()}
        self.seen_since: dict[str, datetime] = dict.fromkeys(self.hasty, self.now)

    def teardown(self) -> None:
        self.runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def now(self) -> datetime:
        return self.core.clock.now()

    def keys(self) -> Sequence[KeyStanding]:
        return self.run(self.core.administer_keys.list_keys())

    def attempt(self, work: Coroutine[Any, Any, KeyStanding | None], *, hasty: bool) -> None:
        """Do something that may be refused; note the key that signs by it without notice."""
        try:
            signs = self.run(work)
        except Conflict:
            return
        if hasty and signs is not None:
            self.hasty.add(signs.key_id)

    @rule(algorithm=algorithms, at_once=st.booleans())
    def rotate(self, *, algorithm: SigningAlgorithm, at_once: bool) -> None:
        work = self.core.administer_keys.rotate(algorithm, at_once=at_once)
        self.attempt(work, hasty=at_once)

    @rule()
    def rotate_what_is_due(self) -> None:
        self.run(self.core.rotate_due_keys(INTERVAL))

    @rule(algorithm=algorithms, at_once=st.booleans())
    def import_key(self, *, algorithm: SigningAlgorithm, at_once: bool) -> None:
        key = SigningKey(
            key_id=KeyId(f"imported-{next(self.numbers)}"),
            algorithm=algorithm,
            schedule=KeySchedule(activate_at=self.now),
            material=b"elsewhere",
        )
        work = self.core.administer_keys.import_key(key, at_once=at_once)
        self.attempt(work, hasty=at_once)

    @rule(number=anyone)
    def retire(self, *, number: int) -> None:
        keys = self.keys()
        work = self.core.administer_keys.retire(keys[number % len(keys)].key_id)
        self.attempt(work, hasty=False)

    @rule(number=anyone)
    def revoke(self, *, number: int) -> None:
        keys = self.keys()
        self._revoke(keys[number % len(keys)])

    @rule()
    def take_back_what_is_announced(self) -> None:
        for key in self.keys():
            if key.state is KeyState.ANNOUNCED:
                self._revoke(key)

    def _revoke(self, key: KeyStanding) -> None:
        self.revoked.add(key.key_id)
        self.attempt(self.core.administer_keys.revoke(key.key_id), hasty=True)

    @rule(lifetime=lifetimes)
    def set_lifetime(self, *, lifetime: timedelta | None) -> None:
        self.run(self.core.change_client("ledger", access_token_ttl=lifetime))

    @rule()
    def issue(self) -> None:
        token = self.run(self.core.issue(self.credentials)).access_token
        claims = peek(PlainTokenVerifier(), token)
        assert claims is not None
        self.tokens.append(Signed(token.partition(".")[0], claims))

    @rule(span=spans)
    def wait(self, *, span: timedelta) -> None:
        self.core.clock.advance(span)

    @invariant()
    def every_good_tokens_key_is_published_unless_revoked(self) -> None:
        public = self.run(self.core.administer_keys.public_keys())
        published = {key.jwk["kid"] for key in public}
        assert not published & self.revoked
        for token in self.tokens:
            if not token.claims.is_expired(self.now) and token.key_id not in self.revoked:
                assert token.key_id in published

    @invariant()
    def no_token_outlives_its_key(self) -> None:
        ends = {key.key_id: key.schedule.remove_at for key in self.keys()}
        for token in self.tokens:
            end = ends.get(KeyId(token.key_id))
            if end is not None:
                assert token.claims.expires_at <= end

    @invariant()
    def no_key_signs_before_every_copy_of_the_key_set_knows_it(self) -> None:
        for key in self.keys():
            since = self.seen_since.setdefault(key.key_id, self.now)
            if key.key_id not in self.hasty:
                notice = key.schedule.activate_at - since
                assert notice >= JWKS_MAX_AGE + ANNOUNCEMENT_MARGIN

    @invariant()
    def one_key_signs_by_each_algorithm_at_most_and_always_by_the_servers(self) -> None:
        active = [key.algorithm for key in self.keys() if key.state is KeyState.ACTIVE]
        assert len(active) == len(set(active))
        assert {SigningAlgorithm.ES256, SigningAlgorithm.RS256} <= set(active)


def test_keys_live_so_that_verifiers_do_not_notice() -> None:
    run_state_machine_as_test(
        KeyLives, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )
