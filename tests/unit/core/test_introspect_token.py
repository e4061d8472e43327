from dataclasses import replace

import pytest

from domain.errors import InvalidClient, InvalidRequest, Unavailable
from domain.model.credentials import ClientSecret, PresentedCredentials
from domain.model.families import RefreshToken
from domain.model.identifiers import ClientId, Epoch
from domain.model.introspection import (
    INACTIVE,
    ActiveAccessToken,
    ActiveRefreshToken,
    SignedIntrospection,
)
from domain.model.keys import SigningAlgorithm
from domain.model.tokens import TokenFormat
from domain.usecases.introspect_token import IntrospectionRequest
from support.core import POLICY, SALARIES, HandWiredCore, build_core, draft, public, refreshing
from support.domain_samples import HOUR, INVOICES, ISSUER, LEDGER, MOMENT, PAYROLL
from support.doubles import PlainTokenSigner

SERVICE = ClientId("invoice-service")


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


@pytest.fixture(params=TokenFormat)
async def owner(request: pytest.FixtureRequest, core: HandWiredCore) -> PresentedCredentials:
    """A client whose tokens are JWTs, and then the same with opaque ones."""
    return await core.register(refreshing(token_format=request.param))


@pytest.fixture
async def service(core: HandWiredCore) -> PresentedCredentials:
    """The service that the owner's tokens are meant for."""
    return await core.register(draft(SERVICE, serves=frozenset({INVOICES})))


@pytest.fixture
async def token(core: HandWiredCore, owner: PresentedCredentials) -> str:
    return (await core.issue(owner)).access_token


async def is_active(core: HandWiredCore, caller: PresentedCredentials, token: str) -> bool:
    return isinstance(await core.introspect(caller, token), ActiveAccessToken)


class TestWhoMaySee:
    """RFC 7662 §4."""

    async def test_a_client_sees_its_own_token(
        self, core: HandWiredCore, owner: PresentedCredentials, token: str
    ) -> None:
        answer = await core.introspect(owner, token)

        assert isinstance(answer, ActiveAccessToken)
        assert answer.token_type == "Bearer"
        assert (answer.claims.issuer, answer.claims.client_id) == (ISSUER, LEDGER)

    async def test_a_service_sees_tokens_that_are_meant_for_it(
        self, core: HandWiredCore, service: PresentedCredentials, token: str
    ) -> None:
        assert await is_active(core, service, token)

    async def test_a_client_registered_so_sees_any(self, core: HandWiredCore, token: str) -> None:
        gateway = await core.register(draft("gateway", introspect_any=True))

        assert await is_active(core, gateway, token)

    async def test_a_stranger_sees_nothing(self, core: HandWiredCore, token: str) -> None:
        """Its answer is that of a token that never was."""
        stranger = await core.register(draft(PAYROLL, serves=frozenset({SALARIES})))

        assert await core.introspect(stranger, token) == INACTIVE

    async def test_a_service_of_one_audience_of_several_is_enough(
        self, core: HandWiredCore, owner: PresentedCredentials
    ) -> None:
        await core.change_client(LEDGER, audiences=frozenset({SALARIES}))
        other = await core.register(draft(PAYROLL, serves=frozenset({SALARIES})))
        issued = await core.issue(owner, resources=[INVOICES, SALARIES])

        assert await is_active(core, other, issued.access_token)


class TestTheCallerIsProved:
    async def test_a_wrong_secret_is_refused(
        self, core: HandWiredCore, owner: PresentedCredentials, token: str
    ) -> None:
        with pytest.raises(InvalidClient):
            await core.introspect(replace(owner, secret=ClientSecret("wrong")), token)

    async def test_a_public_client_is_refused(self, core: HandWiredCore, token: str) -> None:
        """Anybody could call in its name (RFC 7662 §2.1)."""
        nobody = await core.register(public(PAYROLL, introspect_any=True))

        with pytest.raises(InvalidClient):
            await core.introspect(nobody, token)

    @pytest.mark.parametrize("missing", [None, ""])
    async def test_who_is_calling_is_judged_before_the_missing_token(
        self, core: HandWiredCore, service: PresentedCredentials, missing: str | None
    ) -> None:
        with pytest.raises(InvalidClient):
            await core.introspect(replace(service, secret=ClientSecret("wrong")), missing)
        with pytest.raises(InvalidRequest) as refusal:
            await core.introspect(service, missing)

        assert refusal.value.hint == "token is missing"


class TestInactive:
    @pytest.mark.parametrize(
        "text",
        [
            "x",
            "..",
            "a.b.c",
            "eyJ.e30.x",
            "gda_000" + "x" * 43,
            "gdr_x",
            "ü",
            "\ud800",
            "x" * 9_999,
        ],
    )
    async def test_what_we_never_wrote(
        self, core: HandWiredCore, service: PresentedCredentials, text: str
    ) -> None:
        assert await core.introspect(service, text) == INACTIVE

    async def test_what_was_tampered_with(
        self, core: HandWiredCore, service: PresentedCredentials, token: str
    ) -> None:
        for position in range(0, len(token), 7):
            changed = "B" if token[position] == "A" else "A"
            tampered = token[:position] + changed + token[position + 1 :]
            assert not await is_active(core, service, tampered)

    async def test_what_another_issuer_signed_with_our_key(
        self, core: HandWiredCore, service: PresentedCredentials
    ) -> None:
        owner = await core.register(draft())
        answer = await core.introspect(owner, (await core.issue(owner)).access_token)
        assert isinstance(answer, ActiveAccessToken)
        [key, *_] = (await core.catalogue.read()).keyring.signing
        foreign = replace(answer.claims, issuer="https://other.example")

        token = await PlainTokenSigner().sign(foreign, key=key)

        assert await core.introspect(service, token) == INACTIVE

    async def test_what_has_expired(
        self, core: HandWiredCore, service: PresentedCredentials, token: str
    ) -> None:
        core.clock.advance(HOUR - MOMENT)
        assert await is_active(core, service, token)

        core.clock.advance(MOMENT)

        assert not await is_active(core, service, token)

    async def test_what_was_revoked(
        self,
        core: HandWiredCore,
        owner: PresentedCredentials,
        service: PresentedCredentials,
        token: str,
    ) -> None:
        await core.revoke(owner, token)

        assert not await is_active(core, service, token)

    @pytest.mark.parametrize("change", [{"epoch": Epoch("another")}, {"disabled": True}])
    async def test_what_its_client_ended(
        self,
        core: HandWiredCore,
        service: PresentedCredentials,
        token: str,
        change: dict[str, object],
    ) -> None:
        """Seen by the very next question: nothing that decides is remembered (D2)."""
        assert await is_active(core, service, token)

        await core.change_client(LEDGER, **change)

        assert not await is_active(core, service, token)

    async def test_what_a_deleted_client_held(
        self, core: HandWiredCore, service: PresentedCredentials, token: str
    ) -> None:
        await core.administer_clients.delete(LEDGER)

        assert not await is_active(core, service, token)

    async def test_what_came_of_a_family_that_ended(
        self,
        core: HandWiredCore,
        owner: PresentedCredentials,
        service: PresentedCredentials,
    ) -> None:
        issued = await core.issue(owner)

        await core.revoke(owner, issued.refresh_token)

        assert not await is_active(core, service, issued.access_token)

    async def test_what_came_of_a_family_that_is_gone(
        self, core: HandWiredCore, owner: PresentedCredentials, service: PresentedCredentials
    ) -> None:
        """A later, shorter refresh lifetime makes the family end before its first token."""
        issued = await core.issue(owner)
        await core.change_client(LEDGER, refresh_token_ttl=HOUR / 2)
        await core.refresh(owner, issued.refresh_token)

        core.clock.advance(HOUR / 2)

        assert not await is_active(core, service, issued.access_token)

    async def test_what_a_refresh_retired(self) -> None:
        core = await build_core(policy=replace(POLICY, revoke_access_token_on_refresh=True))
        owner = await core.register(refreshing())
        first = await core.issue(owner)

        second = await core.refresh(owner, first.refresh_token)

        assert not await is_active(core, owner, first.access_token)
        assert await is_active(core, owner, second.access_token)


class TestRefreshTokens:
    async def test_one_is_shown_to_its_owner(
        self, core: HandWiredCore, owner: PresentedCredentials
    ) -> None:
        """Without a `token_type`: nobody shall take it for a Bearer token."""
        issued = await core.issue(owner)

        answer = await core.introspect(owner, issued.refresh_token)

        assert isinstance(answer, ActiveRefreshToken)
        assert (answer.issuer, answer.family.owner) == (ISSUER, LEDGER)
        assert not hasattr(answer, "token_type")

    async def test_one_is_shown_to_nobody_else(
        self, core: HandWiredCore, owner: PresentedCredentials, service: PresentedCredentials
    ) -> None:
        gateway = await core.register(draft("gateway", introspect_any=True))
        issued = await core.issue(owner)

        for caller in (service, gateway):
            assert await core.introspect(caller, issued.refresh_token) == INACTIVE

    async def test_a_spent_or_forged_one_is_inactive(
        self, core: HandWiredCore, owner: PresentedCredentials
    ) -> None:
        issued = await core.issue(owner)
        refreshed = await core.refresh(owner, issued.refresh_token)
        token = RefreshToken.parse(str(refreshed.refresh_token))
        assert token is not None
        forged = str(refreshed.refresh_token).replace(token.mac, token.mac[::-1])

        assert await core.introspect(owner, issued.refresh_token) == INACTIVE
        assert await core.introspect(owner, forged) == INACTIVE
        assert isinstance(await core.introspect(owner, refreshed.refresh_token), ActiveRefreshToken)

    async def test_asking_consumes_nothing_and_ends_nothing(
        self, core: HandWiredCore, owner: PresentedCredentials
    ) -> None:
        """Not even asking about a spent one."""
        issued = await core.issue(owner)
        refreshed = await core.refresh(owner, issued.refresh_token)
        core.audit.events.clear()

        await core.introspect(owner, issued.refresh_token)
        await core.introspect(owner, refreshed.refresh_token)

        assert core.audit.events == []
        assert (await core.refresh(owner, refreshed.refresh_token)).refresh_token is not None


class TestSigned:
    """RFC 9701."""

    @pytest.mark.parametrize(
        ("changes", "algorithm"),
        [({}, "RS256"), ({"introspection_signed_response_alg": SigningAlgorithm.ES256}, "ES256")],
    )
    async def test_INT_017_it_is_for_the_caller_by_the_callers_algorithm(
        self, core: HandWiredCore, changes: dict[str, SigningAlgorithm], algorithm: str
    ) -> None:
        """RS256 for who registered none (RFC 9701 §6)."""
        caller = await core.register(draft(**changes))
        token = (await core.issue(caller)).access_token

        signed = await core.introspect_token.signed(
            IntrospectionRequest(credentials=caller, token=token)
        )

        at = core.clock.now().isoformat()
        assert signed == SignedIntrospection(f"{algorithm} {ISSUER} {LEDGER} {at} active", True)

    async def test_the_caller_is_proved_all_the_same(self, core: HandWiredCore) -> None:
        caller = await core.register(draft())
        request = IntrospectionRequest(
            credentials=replace(caller, secret=ClientSecret("guess")), token="x"
        )

        with pytest.raises(InvalidClient):
            await core.introspect_token.signed(request)

    async def test_without_a_key_of_that_algorithm_the_caller_is_asked_to_come_back(
        self, core: HandWiredCore
    ) -> None:
        caller = await core.register(draft())
        await core.change_client(LEDGER, introspection_signed_response_alg=SigningAlgorithm.EDDSA)

        with pytest.raises(Unavailable):
            await core.introspect_token.signed(
                IntrospectionRequest(credentials=caller, token="unknown")
            )
