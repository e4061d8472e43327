from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.families import MemoryRefreshFamilyStore
from domain.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    RefreshTokenReplayed,
    Unavailable,
)
from domain.model.clients import GrantType
from domain.model.credentials import ClientSecret, PresentedCredentials
from domain.model.events import EventKind
from domain.model.families import (
    Generation,
    RefreshFamily,
    RefreshToken,
    Rotation,
    derive_refresh_token,
)
from domain.model.identifiers import Epoch, FamilyId
from domain.model.introspection import INACTIVE, ActiveAccessToken, ActiveRefreshToken
from domain.model.keys import SigningAlgorithm
from domain.model.lifetimes import Lifetimes
from domain.model.scopes import Scope, ScopeToken
from support.core import (
    POLICY,
    SALARIES,
    HandWiredCore,
    build_core,
    public,
    refreshing,
)
from support.domain_samples import DAY, HOUR, INVOICES, LEDGER, MOMENT, NOW, PAYROLL, SECOND
from support.stores import memory_stores

BOTH = Scope.parse("invoices.read invoices.write")


class Holder:
    """A client with a family, and what it was given last."""

    def __init__(self, core: HandWiredCore, credentials: PresentedCredentials) -> None:
        self.core = core
        self.credentials = credentials
        self.access_token = ""
        self.refresh_token = ""

    async def begin(self, scope: str = "invoices.read invoices.write") -> "Holder":
        issued = await self.core.issue(self.credentials, scope=scope)
        self.access_token, self.refresh_token = issued.access_token, str(issued.refresh_token)
        return self

    async def refresh(self, scope: str | None = None) -> Scope:
        issued = await self.core.refresh(self.credentials, self.refresh_token, scope=scope)
        self.access_token, self.refresh_token = issued.access_token, str(issued.refresh_token)
        return issued.scope

    async def is_active(self, token: str) -> bool:
        return await self.core.introspect(self.credentials, token) != INACTIVE

    async def may_refresh(self) -> bool:
        """Tell whether its refresh token is good, at the price of using it."""
        try:
            await self.refresh()
        except InvalidGrant:
            return False
        return True


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


@pytest.fixture
async def holder(core: HandWiredCore) -> Holder:
    return await Holder(core, await core.register(refreshing())).begin()


class TestRotation:
    async def test_a_live_token_is_exchanged_for_two_new_ones(self, holder: Holder) -> None:
        first_access, first_refresh = holder.access_token, holder.refresh_token

        assert await holder.refresh() == BOTH

        assert holder.access_token != first_access
        assert holder.refresh_token != first_refresh
        assert await holder.is_active(holder.access_token)
        assert await holder.is_active(holder.refresh_token)
        assert not await holder.is_active(first_refresh)
        assert holder.core.audited()[-1] is EventKind.TOKEN_REFRESHED

    async def test_the_old_access_token_lives_on(self, holder: Holder) -> None:
        first = holder.access_token

        await holder.refresh()

        assert await holder.is_active(first)

    async def test_the_old_access_token_ends_where_the_server_says_so(self) -> None:
        core = await build_core(policy=replace(POLICY, revoke_access_token_on_refresh=True))
        holder = await Holder(core, await core.register(refreshing())).begin()
        first = holder.access_token

        await holder.refresh()

        assert not await holder.is_active(first)
        assert await holder.is_active(holder.access_token)

    @pytest.mark.parametrize("later", [0, 3])
    async def test_a_replay_ends_the_family_and_raises_an_alarm(
        self, holder: Holder, later: int
    ) -> None:
        """Whoever came second may be the thief or the owner: both lose (RFC 9700 §4.14.2)."""
        spent, issued = holder.refresh_token, [holder.access_token]
        for _ in range(1 + later):
            await holder.refresh()
            issued.append(holder.access_token)

        with pytest.raises(RefreshTokenReplayed):
            await holder.core.refresh(holder.credentials, spent)

        assert not await holder.is_active(holder.refresh_token)
        assert not any([await holder.is_active(token) for token in issued])
        assert not await holder.may_refresh()
        alarm, refused, _ = holder.core.audit.events[-3:]
        assert alarm.kind is EventKind.REFRESH_TOKEN_REPLAYED
        assert alarm.is_alarm
        assert (alarm.client_id, alarm.grant_type) == (LEDGER, GrantType.REFRESH_TOKEN)
        assert alarm.family_id is not None
        assert refused.kind is EventKind.TOKEN_REFUSED

    async def test_a_replay_reads_like_any_other_bad_token(self, holder: Holder) -> None:
        spent = holder.refresh_token
        await holder.refresh()

        with pytest.raises(InvalidGrant) as replayed:
            await holder.core.refresh(holder.credentials, spent)
        with pytest.raises(InvalidGrant) as ended:
            await holder.core.refresh(holder.credentials, spent)
        with pytest.raises(InvalidGrant) as unknown:
            await holder.core.refresh(holder.credentials, "unknown")

        texts = {
            (one.value.code, one.value.description, one.value.hint)
            for one in (replayed, ended, unknown)
        }
        assert len(texts) == 1

    async def test_a_generation_ahead_of_the_store_ends_the_family(self, holder: Holder) -> None:
        """A valid MAC over what was never recorded: the store has lost writes (D3)."""
        token = RefreshToken.parse(holder.refresh_token)
        keyring = (await holder.core.catalogue.read()).keyring
        assert token is not None
        ahead = derive_refresh_token(token.family_id, Generation(3), keyring.refresh_mac)

        with pytest.raises(InvalidGrant):
            await holder.core.refresh(holder.credentials, ahead)

        assert not await holder.may_refresh()
        assert not await holder.is_active(holder.access_token)
        alarms = [event.kind for event in holder.core.audit.events if event.is_alarm]
        assert alarms == [EventKind.REFRESH_TOKEN_AHEAD]

    @pytest.mark.parametrize(
        "text", ["x", "gdr_x", "eyJ.e30.x", "' OR 1=1 --", "ü", "x" * 5_000, "gda_000" + "x" * 43]
    )
    async def test_any_other_text_is_refused(self, holder: Holder, text: str) -> None:
        with pytest.raises(InvalidGrant):
            await holder.core.refresh(holder.credentials, text)

    async def test_an_access_token_is_no_refresh_token(self, holder: Holder) -> None:
        with pytest.raises(InvalidGrant):
            await holder.core.refresh(holder.credentials, holder.access_token)

    @pytest.mark.parametrize("missing", [None, ""])
    async def test_a_missing_token_is_a_malformed_request(
        self, holder: Holder, missing: str | None
    ) -> None:
        with pytest.raises(InvalidRequest):
            await holder.core.refresh(holder.credentials, missing)

    async def test_a_public_client_may_refresh(self) -> None:
        """Rotation is what protects it (RFC 9700 §4.14.2)."""
        core = await build_core(allow_public_client_credentials=True)
        holder = await Holder(core, await core.register(public(issue_refresh_token=True))).begin()
        spent = holder.refresh_token

        await holder.refresh()

        with pytest.raises(RefreshTokenReplayed):
            await core.refresh(holder.credentials, spent)


class OvertakenFamilies(MemoryRefreshFamilyStore):
    """Lets something happen between the reading of a family and its rotation.

    What the step was asked for is handed on as it came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[RefreshFamily], RefreshFamily | None] = lambda family: family

    async def rotate(self, family_id: FamilyId, /, **step: Any) -> Rotation:  # noqa: ANN401
        changed = self.meanwhile(self._families.pop(family_id))
        if changed is not None:
            self._families[family_id] = changed
        return await super().rotate(family_id, **step)


@pytest.mark.parametrize(
    ("meanwhile", "alarm"),
    [
        (lambda _: None, None),
        (lambda family: replace(family, ended=True), None),
        (lambda family: replace(family, owner=PAYROLL), None),
        (lambda family: replace(family, generation=2), EventKind.REFRESH_TOKEN_REPLAYED),
        (lambda family: replace(family, generation=0), EventKind.REFRESH_TOKEN_AHEAD),
    ],
    ids=["absent", "ended", "foreign", "replayed", "ahead"],
)
async def test_what_the_store_finds_when_it_rotates_decides(
    meanwhile: Callable[[RefreshFamily], RefreshFamily | None], alarm: EventKind | None
) -> None:
    """The family was read before; that was advice."""
    families = OvertakenFamilies()
    async with memory_stores() as stores:
        core = await build_core(stores=replace(stores, families=families))
    holder = await Holder(core, await core.register(refreshing())).begin()
    families.meanwhile = meanwhile

    assert not await holder.may_refresh()

    alarms = [event.kind for event in core.audit.events if event.is_alarm]
    assert alarms == ([alarm] if alarm is not None else [])
    assert core.audited()[-1] is EventKind.TOKEN_REFUSED


class TestRefusalsConsumeNothing:
    """Whatever is refused, the refresh token is as good as before."""

    async def test_a_wider_scope(self, core: HandWiredCore) -> None:
        holder = await Holder(core, await core.register(refreshing())).begin("invoices.read")

        with pytest.raises(InvalidScope) as refusal:
            await holder.refresh("invoices.read invoices.write")

        assert refusal.value.hint == "not granted: invoices.write"
        assert await holder.may_refresh()

    async def test_a_malformed_scope(self, holder: Holder) -> None:
        with pytest.raises(InvalidScope):
            await holder.refresh("a  b")

        assert await holder.may_refresh()

    async def test_a_resource_outside_the_grant(self, holder: Holder) -> None:
        """RFC 8707 §2.2."""
        with pytest.raises(InvalidTarget):
            await holder.core.refresh(
                holder.credentials, holder.refresh_token, resources=[SALARIES]
            )

        assert await holder.may_refresh()

    async def test_another_clients_use_of_it(self, core: HandWiredCore, holder: Holder) -> None:
        """A stranger that has the token can neither use it nor end it."""
        stranger = await core.register(refreshing(PAYROLL))

        with pytest.raises(InvalidGrant):
            await core.refresh(stranger, holder.refresh_token)

        assert not any(event.is_alarm for event in core.audit.events)
        assert await holder.may_refresh()

    async def test_another_clients_replay_of_a_spent_one(
        self, core: HandWiredCore, holder: Holder
    ) -> None:
        stranger = await core.register(refreshing(PAYROLL))
        spent = holder.refresh_token
        await holder.refresh()

        with pytest.raises(InvalidGrant):
            await core.refresh(stranger, spent)

        assert await holder.may_refresh()

    async def test_a_forged_generation(self, holder: Holder) -> None:
        forged = holder.refresh_token.replace(".1.", ".9.")

        with pytest.raises(InvalidGrant):
            await holder.core.refresh(holder.credentials, forged)

        assert await holder.may_refresh()

    async def test_a_wrong_secret(self, holder: Holder) -> None:
        wrong = replace(holder.credentials, secret=ClientSecret("wrong"))

        with pytest.raises(InvalidClient):
            await holder.core.refresh(wrong, holder.refresh_token)

        assert await holder.may_refresh()


class TestScope:
    async def test_a_narrower_scope_narrows_the_access_token_alone(self, holder: Holder) -> None:
        """The family keeps what was granted (RFC 6749 §6)."""
        assert await holder.refresh("invoices.read") == Scope.parse("invoices.read")

        answer = await holder.core.introspect(holder.credentials, holder.access_token)
        assert isinstance(answer, ActiveAccessToken)
        assert answer.claims.scope == Scope.parse("invoices.read")
        assert await holder.refresh() == BOTH
        assert await holder.refresh("invoices.write") == Scope.parse("invoices.write")

    async def test_a_client_tightened_since_gets_no_more_than_it_has_now(
        self, holder: Holder
    ) -> None:
        await holder.core.change_client(LEDGER, scope=Scope.parse("invoices.read"))

        assert await holder.refresh() == Scope.parse("invoices.read")
        with pytest.raises(InvalidScope):
            await holder.refresh("invoices.write")

    async def test_a_client_widened_since_gets_no_more_than_it_was_granted(
        self, core: HandWiredCore
    ) -> None:
        holder = await Holder(core, await core.register(refreshing())).begin("invoices.read")
        await core.change_client(LEDGER, scope=Scope.parse("invoices.read profile"))

        with pytest.raises(InvalidScope):
            await holder.refresh("profile")

    async def test_a_scope_that_the_server_forgot_is_left_out(self, holder: Holder) -> None:
        await holder.core.administer_catalogue.remove_scope(ScopeToken("invoices.write"))

        assert await holder.refresh() == Scope.parse("invoices.read")

    async def test_the_audience_stays_that_of_the_grant(self, core: HandWiredCore) -> None:
        """A scope that no resource owns would mean another audience by now."""
        scope = Scope.parse("profile")
        credentials = await core.register(
            refreshing(scope=scope, default_scope=scope, default_audience=INVOICES)
        )
        holder = await Holder(core, credentials).begin("profile")
        await core.change_client(LEDGER, default_audience=SALARIES, audiences=frozenset({INVOICES}))
        await holder.refresh()

        answer = await core.introspect(holder.credentials, holder.access_token)

        assert isinstance(answer, ActiveAccessToken)
        assert answer.claims.audience == (INVOICES,)

    async def test_a_resource_taken_from_the_client_is_granted_no_more(
        self, core: HandWiredCore
    ) -> None:
        """And the refusal consumes nothing."""
        scope = Scope.parse("profile")
        credentials = await core.register(
            refreshing(scope=scope, default_scope=scope, default_audience=INVOICES)
        )
        holder = await Holder(core, credentials).begin("profile")
        await core.change_client(LEDGER, default_audience=SALARIES)

        with pytest.raises(InvalidTarget):
            await holder.refresh()

        await core.change_client(LEDGER, default_audience=INVOICES)
        assert await holder.may_refresh()

    async def test_a_missing_signing_key_consumes_nothing(self, holder: Holder) -> None:
        """A fault of ours is found before the family is touched."""
        await holder.core.change_client(LEDGER, signing_algorithm=SigningAlgorithm.EDDSA)

        with pytest.raises(Unavailable):
            await holder.refresh()

        await holder.core.change_client(LEDGER, signing_algorithm=None)
        assert await holder.may_refresh()


class TestEpoch:
    async def test_a_changed_epoch_ends_what_was_issued_before(self, holder: Holder) -> None:
        """D11: no times are compared."""
        await holder.core.change_client(LEDGER, epoch=Epoch("another"))

        assert not await holder.is_active(holder.refresh_token)
        assert not await holder.is_active(holder.access_token)
        assert not await holder.may_refresh()
        assert await (await holder.begin()).may_refresh()

    async def test_a_client_made_again_does_not_get_back_what_it_had(self, holder: Holder) -> None:
        await holder.core.administer_clients.delete(LEDGER)
        anew = await holder.core.register(
            refreshing(epoch=holder.core.administer_clients.new_epoch())
        )

        with pytest.raises(InvalidGrant):
            await holder.core.refresh(anew, holder.refresh_token)
        assert await holder.core.introspect(anew, holder.access_token) == INACTIVE


class TestGrace:
    WINDOW = 10 * SECOND

    @pytest.fixture
    async def holder(self, core: HandWiredCore) -> Holder:
        credentials = await core.register(refreshing(refresh_grace=self.WINDOW))
        return await Holder(core, credentials).begin()

    @pytest.mark.parametrize("late", [timedelta(), WINDOW])
    async def test_a_lost_reply_may_be_asked_for_again(
        self, holder: Holder, late: timedelta
    ) -> None:
        """The same successor, never a second branch."""
        lost = await holder.core.refresh(holder.credentials, holder.refresh_token)
        holder.core.clock.advance(late)

        await holder.refresh()

        assert holder.refresh_token == lost.refresh_token
        assert holder.access_token != lost.access_token
        assert await holder.may_refresh()
        assert not any(event.is_alarm for event in holder.core.audit.events)

    async def test_not_after_the_window(self, holder: Holder) -> None:
        await holder.core.refresh(holder.credentials, holder.refresh_token)
        holder.core.clock.advance(self.WINDOW + MOMENT)

        with pytest.raises(RefreshTokenReplayed):
            await holder.refresh()

    async def test_not_once_the_successor_was_used(self, holder: Holder) -> None:
        first = holder.refresh_token
        await holder.refresh()
        await holder.refresh()

        with pytest.raises(RefreshTokenReplayed):
            await holder.core.refresh(holder.credentials, first)

        assert not await holder.may_refresh()


class TestExpiry:
    async def test_each_refresh_begins_the_lifetime_anew(self, core: HandWiredCore) -> None:
        holder = await Holder(core, await core.register(refreshing(refresh_token_ttl=DAY))).begin()
        for _ in range(3):
            core.clock.advance(DAY - SECOND)
            await holder.refresh()

        core.clock.advance(DAY)

        assert not await holder.may_refresh()

    async def test_no_refresh_passes_the_absolute_end(self, core: HandWiredCore) -> None:
        holder = await Holder(
            core,
            await core.register(refreshing(refresh_token_ttl=DAY, refresh_token_max_age=36 * HOUR)),
        ).begin()
        core.clock.advance(DAY - SECOND)
        await holder.refresh()
        answer = await core.introspect(holder.credentials, holder.refresh_token)
        assert isinstance(answer, ActiveRefreshToken)
        assert answer.family.expires_at == NOW + 36 * HOUR

        core.clock.set(NOW + 36 * HOUR)

        assert not await holder.may_refresh()

    async def test_an_access_token_never_outlives_its_family(self, core: HandWiredCore) -> None:
        holder = await Holder(
            core, await core.register(refreshing(refresh_token_max_age=2 * HOUR))
        ).begin()
        core.clock.advance(2 * HOUR - 60 * SECOND)

        issued = await core.refresh(holder.credentials, holder.refresh_token)

        assert issued.expires_in == 60 * SECOND

    async def test_a_token_lives_a_second_at_least(self, core: HandWiredCore) -> None:
        """Even where its family ends within the second, whose end introspection keeps."""
        core.clock.advance(500 * MOMENT)
        holder = await Holder(
            core, await core.register(refreshing(refresh_token_max_age=HOUR))
        ).begin()
        core.clock.set(NOW + HOUR + 200 * MOMENT)

        issued = await core.refresh(holder.credentials, holder.refresh_token)

        assert issued.expires_in == SECOND
        assert await holder.is_active(issued.access_token)
        core.clock.advance(300 * MOMENT)
        assert not await holder.is_active(issued.access_token)

    async def test_the_grants_own_lifetime_counts(self) -> None:
        lifetimes = Lifetimes(by_grant={GrantType.REFRESH_TOKEN: 60 * SECOND})
        core = await build_core(policy=replace(POLICY, lifetimes=lifetimes))
        holder = await Holder(core, await core.register(refreshing())).begin()

        issued = await core.refresh(holder.credentials, holder.refresh_token)

        assert issued.expires_in == 60 * SECOND
