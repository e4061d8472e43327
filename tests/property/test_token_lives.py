"""The lives of tokens on each store, held against a small model."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.errors import InvalidGrant, InvalidScope
from domain.model.credentials import PresentedCredentials
from domain.model.identifiers import ClientId
from domain.model.introspection import INACTIVE
from domain.model.tokens import IssuedToken, TokenFormat
from support.core import POLICY, build_core, refreshing
from support.domain_samples import DAY, HOUR, PAYROLL, SECOND
from support.redis_server import RedisServer
from support.stores import Stores, memory_stores, redis_stores, sqlite_stores

T = TypeVar("T")

OpenStores = Callable[[], AbstractAsyncContextManager[Stores]]

ACCESS_TTL, REFRESH_TTL, MAX_AGE, GRACE = HOUR, DAY, 3 * DAY, 60 * SECOND

anyone = st.integers(0, 2**16)


@dataclass(kw_only=True)
class Family:
    """What the model knows of a refresh family: its tokens, the last of which is live."""

    tokens: list[str]
    expires_at: datetime
    must_end_by: datetime
    rotated_at: datetime | None = None
    ended: bool = False

    def is_live(self, now: datetime) -> bool:
        return not self.ended and now < self.expires_at


@dataclass(kw_only=True)
class Access:
    """What the model knows of an access token."""

    token: str
    owner: PresentedCredentials
    expires_at: datetime
    family: Family | None = None
    ended: bool = False

    def is_active(self, now: datetime) -> bool:
        lives = self.family is None or self.family.is_live(now)
        return lives and not self.ended and now < self.expires_at


@dataclass
class Model:
    families: list[Family] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)


def pick(among: Sequence[T], number: int) -> T:
    return among[number % len(among)]


class TokenLives(RuleBasedStateMachine):
    """Issues, refreshes, narrows, replays and revokes, and lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.exits = AsyncExitStack()
        self.stores = self.run(self.exits.enter_async_context(self.open_stores()))
        self.model = Model()

    def open_stores(self) -> AbstractAsyncContextManager[Stores]:
        raise NotImplementedError

    def teardown(self) -> None:
        self.run(self.exits.aclose())
        self.runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def now(self) -> datetime:
        return self.core.clock.now()

    @initialize(
        token_format=st.sampled_from(TokenFormat),
        grace=st.sampled_from([timedelta(), GRACE]),
        retire=st.booleans(),
    )
    def begin(self, *, token_format: TokenFormat, grace: timedelta, retire: bool) -> None:
        policy = replace(POLICY, revoke_access_token_on_refresh=retire)
        draft = refreshing(
            token_format=token_format,
            access_token_ttl=ACCESS_TTL,
            refresh_token_ttl=REFRESH_TTL,
            refresh_token_max_age=MAX_AGE,
            refresh_grace=grace,
        )
        without = replace(draft, client_id=ClientId("loner"), issue_refresh_token=False)
        anybody = replace(draft, client_id=PAYROLL, introspect_any=True)
        self.grace, self.retire = grace, retire
        self.core = self.run(build_core(stores=self.stores, policy=policy))
        self.owner = self.run(self.core.register(draft))
        self.loner = self.run(self.core.register(without))
        self.stranger = self.run(self.core.register(anybody))

    @rule()
    def issue(self) -> None:
        issued = self.run(self.core.issue(self.loner))

        assert issued.refresh_token is None
        self._keep_access(issued, self.loner)

    @rule()
    def issue_with_a_refresh_token(self) -> None:
        issued = self.run(self.core.issue(self.owner))

        family = Family(
            tokens=[str(issued.refresh_token)],
            expires_at=self.now + REFRESH_TTL,
            must_end_by=self.now + MAX_AGE,
        )
        self.model.families.append(family)
        self._keep_access(issued, self.owner, family)

    @precondition(lambda self: self.model.families)
    @rule(
        which=anyone,
        scope=st.sampled_from([None, "invoices.read"]),
        later=st.sampled_from([timedelta(), HOUR, 20 * HOUR]),
    )
    def refresh(self, which: int, scope: str | None, later: timedelta) -> None:
        self.core.clock.advance(later)
        family = pick(self.model.families, which)
        if not family.is_live(self.now):
            self._is_refused(family.tokens[-1])
            return

        issued = self._refresh(family.tokens[-1], scope)

        assert issued.refresh_token not in family.tokens
        family.tokens.append(str(issued.refresh_token))
        family.expires_at = min(self.now + REFRESH_TTL, family.must_end_by)
        family.rotated_at = self.now
        if self.retire:
            for access in self.model.accesses:
                access.ended = access.ended or access.family is family
        self._keep_access(issued, self.owner, family)

    @precondition(lambda self: any(len(family.tokens) > 1 for family in self.model.families))
    @rule(which=anyone, generation=anyone)
    def replay(self, which: int, generation: int) -> None:
        family = pick([one for one in self.model.families if len(one.tokens) > 1], which)
        spent = pick(family.tokens[:-1], generation)
        if family.is_live(self.now) and self._is_within_grace(family, spent):
            issued = self._refresh(spent)
            assert issued.refresh_token == family.tokens[-1]
            self._keep_access(issued, self.owner, family)
            return

        self._is_refused(spent)

        family.ended = True

    @precondition(lambda self: self.model.families)
    @rule(which=anyone)
    def ask_for_more(self, which: int) -> None:
        """A refused request consumes nothing."""
        family = pick(self.model.families, which)
        refusal = InvalidScope if family.is_live(self.now) else InvalidGrant

        with pytest.raises(refusal):
            self._refresh(family.tokens[-1], "invoices.read profile")

    @precondition(lambda self: self.model.families)
    @rule(which=anyone, generation=anyone)
    def steal(self, which: int, generation: int) -> None:
        """A stranger with a refresh token, live or spent, changes nothing."""
        token = pick(pick(self.model.families, which).tokens, generation)

        with pytest.raises(InvalidGrant):
            self.run(self.core.refresh(self.stranger, token))
        self.run(self.core.revoke(self.stranger, token))

    @precondition(lambda self: self.model.families)
    @rule(which=anyone, generation=anyone)
    def revoke_a_family(self, which: int, generation: int) -> None:
        family = pick(self.model.families, which)

        self.run(self.core.revoke(self.owner, pick(family.tokens, generation)))

        family.ended = True

    @precondition(lambda self: self.model.accesses)
    @rule(which=anyone)
    def revoke_an_access_token(self, which: int) -> None:
        access = pick(self.model.accesses, which)
        self.run(self.core.revoke(self.stranger, access.token))

        self.run(self.core.revoke(access.owner, access.token))

        access.ended = True

    @rule(by=st.sampled_from([SECOND, GRACE, HOUR / 2, HOUR, 20 * HOUR, DAY]))
    def let_time_pass(self, by: timedelta) -> None:
        self.core.clock.advance(by)

    @invariant()
    def every_token_is_what_the_model_says(self) -> None:
        for access in self.model.accesses:
            assert self._is_active(self.stranger, access.token) is access.is_active(self.now)
        for family in self.model.families:
            *spent, last = family.tokens
            assert self._is_active(self.owner, last) is family.is_live(self.now)
            assert not any(self._is_active(self.owner, token) for token in spent)

    def _refresh(self, token: str, scope: str | None = None) -> IssuedToken:
        return self.run(self.core.refresh(self.owner, token, scope=scope))

    def _is_refused(self, token: str) -> None:
        with pytest.raises(InvalidGrant):
            self._refresh(token)

    def _is_active(self, caller: PresentedCredentials, token: str) -> bool:
        return self.run(self.core.introspect(caller, token)) != INACTIVE

    def _is_within_grace(self, family: Family, spent: str) -> bool:
        if not self.grace or family.rotated_at is None:
            return False
        return spent == family.tokens[-2] and self.now - family.rotated_at <= self.grace

    def _keep_access(
        self, issued: IssuedToken, owner: PresentedCredentials, family: Family | None = None
    ) -> None:
        ends = (self.now + ACCESS_TTL, family.expires_at if family is not None else None)
        expires_at = min(end for end in ends if end is not None)
        assert issued.expires_in == expires_at - self.now
        self.model.accesses.append(
            Access(token=issued.access_token, owner=owner, expires_at=expires_at, family=family)
        )


def check(stores: OpenStores, *, examples: int) -> None:
    class OnTheseStores(TokenLives):
        def open_stores(self) -> AbstractAsyncContextManager[Stores]:
            return stores()

    run_state_machine_as_test(
        OnTheseStores,
        settings=settings(max_examples=examples, stateful_step_count=30, deadline=None),
    )


def test_tokens_live_as_modelled_in_memory() -> None:
    check(memory_stores, examples=100)


def test_tokens_live_as_modelled_on_sqlite(tmp_path: Path) -> None:
    numbers = count()

    check(lambda: sqlite_stores(tmp_path / f"{next(numbers)}.db"), examples=10)


def test_tokens_live_as_modelled_on_redis(redis_server: RedisServer) -> None:
    def emptied() -> AbstractAsyncContextManager[Stores]:
        redis_server.flush()
        return redis_stores(redis_server.url)

    check(emptied, examples=10)
