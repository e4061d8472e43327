from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.memory.access_tokens import MemoryAccessTokenStore
from adapters.memory.revocations import MemoryRevocationList
from domain.errors import InvalidClient, InvalidGrant, InvalidRequest
from domain.model.credentials import ClientSecret, PresentedCredentials
from domain.model.events import EventKind
from domain.model.identifiers import Bucket, TokenId, bucket_in
from domain.model.introspection import INACTIVE, ActiveAccessToken
from domain.model.tokens import AccessTokenClaims, TokenDigest, TokenFormat
from domain.ports.reading import Reading
from support.core import ORIGIN, HandWiredCore, build_core, draft, public, refreshing
from support.domain_samples import DAY, HOUR, LEDGER, MOMENT, NOW, PAYROLL, SECOND
from support.stores import memory_stores


class RevocationsAsWritten(MemoryRevocationList):
    """Remembers what was asked of it, until when."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[TokenId, datetime]] = []

    async def add(self, token_id: TokenId, /, *, until: datetime, now: datetime) -> None:
        self.written.append((token_id, until))
        await super().add(token_id, until=until, now=now)


class AccessTokensAsAsked(MemoryAccessTokenStore):
    """Remembers the steps that it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, Bucket]] = []

    def find(self, digest: TokenDigest, /, *, now: datetime) -> Reading[AccessTokenClaims | None]:
        self.asked.append(("find", bucket_in(digest)))
        return super().find(digest, now=now)

    async def remove(self, digest: TokenDigest, /) -> bool:
        self.asked.append(("remove", bucket_in(digest)))
        return await super().remove(digest)


@pytest.fixture
def revocations() -> RevocationsAsWritten:
    return RevocationsAsWritten()


@pytest.fixture
async def core(revocations: RevocationsAsWritten) -> HandWiredCore:
    async with memory_stores() as stores:
        return await build_core(stores=replace(stores, revocations=revocations))


@pytest.fixture
async def owner(core: HandWiredCore) -> PresentedCredentials:
    return await core.register(refreshing())


@pytest.fixture
async def stranger(core: HandWiredCore) -> PresentedCredentials:
    """One that may look at everything and still owns nothing of it."""
    return await core.register(refreshing(PAYROLL, introspect_any=True))


async def test_a_client_ends_its_own_jwt(
    core: HandWiredCore, owner: PresentedCredentials, revocations: RevocationsAsWritten
) -> None:
    """By its `jti`, until no clock can take it for unexpired any more (D1)."""
    token = (await core.issue(owner)).access_token
    answer = await core.introspect(owner, token)
    assert isinstance(answer, ActiveAccessToken)
    core.audit.events.clear()

    await core.revoke(owner, token)

    assert await core.introspect(owner, token) == INACTIVE
    assert revocations.written == [(answer.claims.token_id, NOW + HOUR + 60 * SECOND)]
    [event] = core.audit.events
    assert event.kind is EventKind.TOKEN_REVOKED
    assert (event.client_id, event.origin) == (LEDGER, ORIGIN)
    assert (event.token_id, event.family_id) == (answer.claims.token_id, None)


@pytest.mark.parametrize("token_format", TokenFormat)
@pytest.mark.parametrize("lifetime", [HOUR, 30 * DAY], ids=["access token", "refresh token"])
async def test_what_expired_for_a_clock_that_is_ahead_is_ended_for_one_that_is_right(
    core: HandWiredCore, token_format: TokenFormat, lifetime: timedelta
) -> None:
    """The revocation was acknowledged, and the token would live again."""
    owner = await core.register(refreshing(token_format=token_format))
    issued = await core.issue(owner)
    token = str(issued.access_token if lifetime == HOUR else issued.refresh_token)
    core.clock.advance(lifetime + HOUR)

    await core.revoke(owner, token)

    core.clock.advance(-lifetime - HOUR)
    assert await core.introspect(owner, token) == INACTIVE


async def test_a_client_ends_its_own_opaque_token(
    core: HandWiredCore, revocations: RevocationsAsWritten
) -> None:
    """It is forgotten, so nothing has to be listed."""
    owner = await core.register(draft(token_format=TokenFormat.OPAQUE))
    token = (await core.issue(owner)).access_token

    await core.revoke(owner, token)

    assert await core.introspect(owner, token) == INACTIVE
    assert revocations.written == []
    assert core.audited()[-1] is EventKind.TOKEN_REVOKED


@pytest.mark.parametrize("token_format", TokenFormat)
async def test_an_access_token_goes_alone(core: HandWiredCore, token_format: TokenFormat) -> None:
    owner = await core.register(refreshing(token_format=token_format))
    first = await core.issue(owner)
    second = await core.refresh(owner, first.refresh_token)

    await core.revoke(owner, first.access_token)

    assert await core.introspect(owner, second.access_token) != INACTIVE
    assert (await core.refresh(owner, second.refresh_token)).access_token


@pytest.mark.parametrize("generation", [0, 1])
async def test_a_refresh_token_takes_its_family_and_its_access_tokens_along(
    core: HandWiredCore, owner: PresentedCredentials, generation: int
) -> None:
    """One of any generation does: its owner wants it gone (RFC 7009 §2.1)."""
    other = await core.issue(owner)
    first = await core.issue(owner)
    issued = [first, await core.refresh(owner, first.refresh_token)]
    core.audit.events.clear()

    await core.revoke(owner, issued[generation].refresh_token)

    for token in issued:
        assert await core.introspect(owner, token.access_token) == INACTIVE
    with pytest.raises(InvalidGrant):
        await core.refresh(owner, issued[1].refresh_token)
    assert core.audit.events[0].kind is EventKind.TOKEN_REVOKED
    assert core.audit.events[0].family_id is not None
    assert not any(event.is_alarm for event in core.audit.events)
    assert await core.introspect(owner, other.access_token) != INACTIVE


async def test_a_public_client_may_end_its_own(core: HandWiredCore) -> None:
    """RFC 7009 §2.1 has it name itself, which is all that it can."""
    core = await build_core(allow_public_client_credentials=True)
    owner = await core.register(public(issue_refresh_token=True))
    issued = await core.issue(owner)

    await core.revoke(owner, issued.refresh_token)

    with pytest.raises(InvalidGrant):
        await core.refresh(owner, issued.refresh_token)


class TestNothingHappens:
    """And nothing is learned: the reply is that of success (RFC 7009 §2.2)."""

    @pytest.mark.parametrize("token_format", TokenFormat)
    async def test_to_a_strangers_token(
        self,
        core: HandWiredCore,
        stranger: PresentedCredentials,
        revocations: RevocationsAsWritten,
        token_format: TokenFormat,
    ) -> None:
        owner = await core.register(refreshing(token_format=token_format))
        issued = await core.issue(owner)
        core.audit.events.clear()

        await core.revoke(stranger, issued.access_token)
        await core.revoke(stranger, issued.refresh_token)

        assert core.audit.events == []
        assert revocations.written == []
        assert await core.introspect(owner, issued.access_token) != INACTIVE
        assert (await core.refresh(owner, issued.refresh_token)).refresh_token

    async def test_and_an_unknown_opaque_token_takes_the_same_steps_as_a_strangers(
        self,
    ) -> None:
        """What takes longer, or fails where the other does not, would tell them apart."""
        async with memory_stores() as stores:
            tokens = AccessTokensAsAsked()
            core = await build_core(stores=replace(stores, access_tokens=tokens))
            owner = await core.register(draft(token_format=TokenFormat.OPAQUE))
            stranger = await core.register(draft(PAYROLL))
            strangers = (await core.issue(owner)).access_token
            unknown = strangers[:-1] + ("a" if strangers[-1] != "a" else "b")

            steps = []
            for token in (strangers, unknown):
                tokens.asked.clear()
                await core.revoke(stranger, token)
                steps.append(tuple(tokens.asked))

            assert steps[0] == steps[1]
            assert await core.introspect(owner, strangers) != INACTIVE

    @pytest.mark.parametrize("text", ["x", "a.b.c", "gda_000" + "x" * 43, "gdr_x", "ü", "\ud800"])
    async def test_for_what_we_never_wrote(
        self, core: HandWiredCore, owner: PresentedCredentials, text: str
    ) -> None:
        core.audit.events.clear()

        await core.revoke(owner, text)

        assert core.audit.events == []

    async def test_for_a_forged_refresh_token(
        self, core: HandWiredCore, owner: PresentedCredentials
    ) -> None:
        issued = await core.issue(owner)

        await core.revoke(owner, str(issued.refresh_token).replace(".1.", ".2."))

        assert await core.introspect(owner, issued.access_token) != INACTIVE

    async def test_for_an_expired_token(
        self,
        core: HandWiredCore,
        owner: PresentedCredentials,
        revocations: RevocationsAsWritten,
    ) -> None:
        """It is over already, and nothing is written that nobody will ask for."""
        issued = await core.issue(owner)
        core.audit.events.clear()
        core.clock.advance(HOUR + DAY)

        await core.revoke(owner, issued.access_token)

        assert revocations.written == []
        core.clock.advance(30 * DAY)
        await core.revoke(owner, issued.refresh_token)
        assert core.audit.events == []

    async def test_the_second_time(self, core: HandWiredCore, owner: PresentedCredentials) -> None:
        issued = await core.issue(owner)

        for _ in range(2):
            await core.revoke(owner, issued.access_token)
            await core.revoke(owner, issued.refresh_token)

        assert await core.introspect(owner, issued.access_token) == INACTIVE


class TestTheCallerIsProved:
    async def test_a_wrong_secret_ends_nothing(
        self, core: HandWiredCore, owner: PresentedCredentials
    ) -> None:
        issued = await core.issue(owner)

        with pytest.raises(InvalidClient):
            await core.revoke(replace(owner, secret=ClientSecret("wrong")), issued.access_token)

        assert await core.introspect(owner, issued.access_token) != INACTIVE

    @pytest.mark.parametrize("missing", [None, ""])
    async def test_who_is_calling_is_judged_before_the_missing_token(
        self, core: HandWiredCore, owner: PresentedCredentials, missing: str | None
    ) -> None:
        with pytest.raises(InvalidClient):
            await core.revoke(replace(owner, secret=ClientSecret("wrong")), missing)
        with pytest.raises(InvalidRequest) as refusal:
            await core.revoke(owner, missing)

        assert refusal.value.hint == "token is missing"


async def test_a_revocation_is_remembered_past_the_tokens_end(
    core: HandWiredCore, owner: PresentedCredentials, revocations: RevocationsAsWritten
) -> None:
    """More than leeway and clock difference together."""
    await core.revoke(owner, (await core.issue(owner)).access_token)
    [(token_id, _)] = revocations.written

    assert await revocations.contains(token_id, now=NOW + HOUR + 60 * SECOND - MOMENT)
    assert not await revocations.contains(token_id, now=NOW + HOUR + 60 * SECOND)
