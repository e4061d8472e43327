from dataclasses import replace

import pytest

from domain.errors import (
    GrantdError,
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    UnauthorizedClient,
    Unavailable,
    UnsupportedGrantType,
)
from domain.model.clients import GrantType, Subject
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.events import EventKind
from domain.model.identifiers import Owner
from domain.model.introspection import ActiveAccessToken
from domain.model.keys import KeySchedule, SigningAlgorithm
from domain.model.scopes import Scope
from domain.model.tokens import AccessTokenClaims, TokenFormat, is_opaque
from domain.usecases.issue_token import TokenRequest
from support.core import (
    ORIGIN,
    POLICY,
    SALARIES,
    HandWiredCore,
    build_core,
    draft,
    public,
    refreshing,
)
from support.domain_samples import HOUR, INVOICES, ISSUER, LEDGER, MOMENT, NOW, SECOND
from support.doubles import RandomKeyMaker, SeededEntropy

CLIENT_CREDENTIALS, REFRESH_TOKEN = GrantType


async def claims_of(
    core: HandWiredCore, credentials: PresentedCredentials, token: str
) -> AccessTokenClaims:
    answer = await core.introspect(credentials, token)
    assert isinstance(answer, ActiveAccessToken)
    return answer.claims


async def test_a_token_says_who_it_is_for_where_and_for_how_long() -> None:
    """RFC 9068 §2.2."""
    core = await build_core()
    credentials = await core.register(draft())

    issued = await core.issue(credentials, scope="invoices.write invoices.read")

    claims = await claims_of(core, credentials, issued.access_token)
    assert issued.token_type == "Bearer"
    assert issued.expires_in == HOUR
    assert issued.scope == claims.scope == Scope.parse("invoices.read invoices.write")
    assert claims.issuer == ISSUER
    assert claims.subject == claims.client_id == LEDGER
    assert claims.audience == (INVOICES,)
    assert (claims.issued_at, claims.expires_at) == (NOW, NOW + HOUR)
    assert claims.family is None


async def test_no_two_tokens_are_alike() -> None:
    core = await build_core()
    credentials = await core.register(draft())

    issued = [(await core.issue(credentials)).access_token for _ in range(8)]
    ids = {(await claims_of(core, credentials, token)).token_id for token in issued}

    assert len(set(issued)) == len(ids) == 8


async def test_times_are_whole_seconds_and_agree_with_the_reply() -> None:
    """NumericDate without a fraction; `exp` minus `iat` is `expires_in`."""
    core = await build_core()
    credentials = await core.register(draft())
    core.clock.advance(999 * MOMENT)

    issued = await core.issue(credentials)

    claims = await claims_of(core, credentials, issued.access_token)
    assert claims.issued_at == NOW
    assert claims.expires_at - claims.issued_at == issued.expires_in == HOUR


async def test_a_client_may_speak_for_its_owner() -> None:
    core = await build_core()
    credentials = await core.register(draft(owner=Owner("ada"), subject=Subject.OWNER))

    claims = await claims_of(core, credentials, (await core.issue(credentials)).access_token)

    assert (claims.subject, claims.owner, claims.client_id) == ("ada", "ada", LEDGER)


@pytest.mark.parametrize("token_format", TokenFormat)
async def test_either_format_says_the_same(token_format: TokenFormat) -> None:
    core = await build_core()
    credentials = await core.register(draft(token_format=token_format))

    issued = await core.issue(credentials)

    claims = await claims_of(core, credentials, issued.access_token)
    assert is_opaque(issued.access_token) is (token_format is TokenFormat.OPAQUE)
    assert (claims.client_id, claims.audience, claims.scope) == (LEDGER, (INVOICES,), issued.scope)


class TestOrderOfJudgement:
    """Each request is wrong in whatever is judged later, too."""

    @pytest.mark.parametrize("grant_type", [None, "", "password", *GrantType])
    async def test_who_is_calling_comes_first(self, grant_type: str | None) -> None:
        core = await build_core()
        credentials = await core.register(draft(grant_types=frozenset()))
        wrong = replace(credentials, secret=ClientSecret("wrong"))

        with pytest.raises(InvalidClient):
            await core.issue(wrong, grant_type, scope='"', resources=["#"], refresh_token="x")

    @pytest.mark.parametrize("grant_type", [None, ""])
    async def test_then_whether_a_grant_is_named(self, grant_type: str | None) -> None:
        core = await build_core()
        credentials = await core.register(draft(grant_types=frozenset()))

        with pytest.raises(InvalidRequest) as refusal:
            await core.issue(credentials, grant_type, scope='"', resources=["#"])

        assert refusal.value.hint == "grant_type is missing"

    @pytest.mark.parametrize(
        "grant_type", ["password", "implicit", "Client_Credentials", "client_credentials "]
    )
    async def test_then_whether_the_grant_is_known(self, grant_type: str) -> None:
        core = await build_core()
        credentials = await core.register(draft(grant_types=frozenset()))

        with pytest.raises(UnsupportedGrantType) as refusal:
            await core.issue(credentials, grant_type, scope='"', resources=["#"])

        assert refusal.value.hint == grant_type

    async def test_a_grant_that_is_switched_off_is_unknown(self) -> None:
        core = await build_core(grants=[CLIENT_CREDENTIALS])
        credentials = await core.register(draft())

        with pytest.raises(UnsupportedGrantType):
            await core.refresh(credentials, "gdr_")

    @pytest.mark.parametrize("grant_type", GrantType)
    async def test_then_whether_the_client_may_use_it(self, grant_type: GrantType) -> None:
        core = await build_core()
        others = frozenset(GrantType) - {grant_type}
        credentials = await core.register(draft(grant_types=others))

        with pytest.raises(UnauthorizedClient):
            await core.issue(credentials, grant_type, scope='"', resources=["#"])

    async def test_then_the_resource(self) -> None:
        core = await build_core()
        credentials = await core.register(draft())

        with pytest.raises(InvalidTarget):
            await core.issue(credentials, scope='"', resources=[SALARIES])

    async def test_then_the_scope(self) -> None:
        core = await build_core()
        credentials = await core.register(draft())

        with pytest.raises(InvalidScope):
            await core.issue(credentials, scope='"', resources=[INVOICES])


class TestPublicClients:
    async def test_a_public_client_gets_no_client_credentials(self) -> None:
        """They are for confidential clients only (RFC 6749 §4.4)."""
        core = await build_core()
        credentials = await core.register(public())

        with pytest.raises(InvalidClient):
            await core.issue(credentials)

    async def test_it_does_where_the_server_allows_it(self) -> None:
        core = await build_core(allow_public_client_credentials=True)
        credentials = await core.register(public())

        assert (await core.issue(credentials)).scope == Scope.parse("invoices.read")

    async def test_what_the_server_allows_a_client_still_needs_to_be_registered_for(self) -> None:
        core = await build_core(allow_public_client_credentials=True)
        credentials = await core.register(public(grant_types=frozenset({REFRESH_TOKEN})))

        with pytest.raises(UnauthorizedClient):
            await core.issue(credentials)


class TestAudit:
    async def test_an_issued_token_is_recorded(self) -> None:
        core = await build_core()
        credentials = await core.register(refreshing())
        core.audit.events.clear()

        issued = await core.issue(credentials)

        [event] = core.audit.events
        claims = await claims_of(core, credentials, issued.access_token)
        assert claims.family is not None
        assert event.kind is EventKind.TOKEN_ISSUED
        assert (event.at, event.origin, event.client_id) == (NOW, ORIGIN, LEDGER)
        assert (event.grant_type, event.scope) == (CLIENT_CREDENTIALS, issued.scope)
        assert (event.token_id, event.family_id) == (claims.token_id, claims.family.family_id)
        assert not event.is_alarm

    @pytest.mark.parametrize(
        ("grant_type", "scope", "secret", "reason"),
        [
            (CLIENT_CREDENTIALS, None, "wrong", "invalid_client: wrong secret"),
            (None, None, None, "invalid_request: no grant_type"),
            ("password", None, None, "unsupported_grant_type: not switched on"),
            (CLIENT_CREDENTIALS, "other", None, "invalid_scope: scope beyond the ceiling"),
            (REFRESH_TOKEN, None, None, "invalid_grant: not a refresh token of this server"),
        ],
    )
    async def test_a_refusal_is_recorded_with_its_reason(
        self, grant_type: str | None, scope: str | None, secret: str | None, reason: str
    ) -> None:
        """The operator reads what the caller does not."""
        core = await build_core()
        credentials = await core.register(draft())
        core.audit.events.clear()
        if secret is not None:
            credentials = replace(credentials, secret=ClientSecret(secret))

        with pytest.raises(GrantdError):
            await core.issue(credentials, grant_type, scope=scope, refresh_token="forged")

        [event] = core.audit.events
        assert event.kind is EventKind.TOKEN_REFUSED
        assert event.reason == reason
        assert (event.origin, event.client_id) == (ORIGIN, LEDGER)
        assert event.grant_type == (grant_type or "")

    async def test_no_event_holds_a_secret_or_a_token(self) -> None:
        """Neither a good one nor a bad one, in no field."""
        core = await build_core()
        credentials = await core.register(refreshing())
        issued = await core.issue(credentials)
        assert issued.refresh_token is not None
        refreshed = await core.refresh(credentials, issued.refresh_token)
        with pytest.raises(GrantdError):
            await core.refresh(credentials, issued.refresh_token)
        with pytest.raises(GrantdError):
            await core.refresh(credentials, "MARKER")
        with pytest.raises(GrantdError):
            await core.issue(replace(credentials, secret=ClientSecret("MARKER")))

        written = repr(core.audit.events)

        assert credentials.secret is not None
        assert credentials.secret.reveal() not in written
        assert "MARKER" not in written
        for token in (issued, refreshed):
            assert token.access_token not in written
            assert str(token.refresh_token) not in written


def test_a_request_does_not_show_its_refresh_token() -> None:
    request = TokenRequest(
        credentials=PresentedCredentials(LEDGER, AuthMethod.NONE),
        grant_type=REFRESH_TOKEN,
        refresh_token="MARKER",
    )

    assert "MARKER" not in repr(request)


async def test_an_answer_does_not_show_its_tokens() -> None:
    core = await build_core()
    issued = await core.issue(await core.register(refreshing()))

    assert issued.access_token not in repr(issued)
    assert str(issued.refresh_token) not in repr(issued)


async def test_a_token_does_not_outlive_the_key_that_signs_it() -> None:
    """D6: no `exp` passes a key's `remove_at`."""
    schedule = KeySchedule(activate_at=NOW, retire_at=NOW + SECOND, remove_at=NOW + 60 * SECOND)
    key = replace(
        RandomKeyMaker(SeededEntropy(1)).make(SigningAlgorithm.ES256, activate_at=NOW),
        schedule=schedule,
    )
    core = await build_core(pinned=[key])

    issued = await core.issue(await core.register(draft()))

    assert issued.expires_in == 60 * SECOND


async def test_without_an_active_key_a_server_asks_to_come_back() -> None:
    core = await build_core(policy=replace(POLICY, signing_algorithm=SigningAlgorithm.EDDSA))
    credentials = await core.register(draft())

    with pytest.raises(Unavailable):
        await core.issue(credentials)
