from datetime import UTC, timedelta

from adapters.grpc.mapping import (
    from_introspection,
    from_issued_token,
    to_introspection_request,
    to_revocation_request,
    to_token_request,
)
from domain.model.credentials import AuthMethod, PresentedCredentials
from domain.model.events import Origin
from domain.model.identifiers import ClientId, Epoch, Owner, TokenId
from domain.model.introspection import INACTIVE, ActiveAccessToken, ActiveRefreshToken
from domain.model.scopes import Scope
from domain.model.tokens import AccessTokenClaims, IssuedToken
from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IntrospectTokenResponse,
    IssueTokenRequest,
    RevokeTokenRequest,
)
from support.domain_samples import DAY, HOUR, INVOICES, ISSUER, MOMENT, NOW, family

LEDGER = PresentedCredentials(ClientId("ledger"), AuthMethod.NONE)
ORIGIN = Origin(request_id="r1", protocol="grpc")


def test_a_full_token_request_arrives_whole() -> None:
    """Every field has its place in the core's request."""
    message = IssueTokenRequest(
        grant_type="refresh_token", scopes=["b", "a"], resources=["urn:x"], refresh_token="t"
    )

    request = to_token_request(message, LEDGER, ORIGIN)

    assert request.credentials is LEDGER
    assert request.grant_type == "refresh_token"
    assert request.scope == ("b", "a")
    assert request.resources == ("urn:x",)
    assert request.refresh_token == "t"
    assert request.origin is ORIGIN


def test_an_empty_field_is_one_left_out() -> None:
    """RFC 6749 §3.2, which proto3 knows no difference to."""
    request = to_token_request(IssueTokenRequest(), LEDGER, ORIGIN)

    assert request.grant_type is None
    assert request.scope is None
    assert request.resources == ()
    assert request.refresh_token is None
    assert to_introspection_request(IntrospectTokenRequest(), LEDGER, ORIGIN).token is None
    assert to_revocation_request(RevokeTokenRequest(), LEDGER, ORIGIN).token is None


def test_scopes_are_passed_on_as_they_are_delimited() -> None:
    """An element that is empty or two words is the core's to refuse, not ours to mend."""
    request = to_token_request(IssueTokenRequest(scopes=["", "a b"]), LEDGER, ORIGIN)

    assert request.scope == ("", "a b")


def test_an_issued_token_goes_out_whole() -> None:
    """Lifetimes are Durations, scopes a list."""
    issued = IssuedToken(access_token="t", expires_in=timedelta(hours=1), scope=Scope.parse("a b"))

    message = from_issued_token(issued)

    assert message.access_token == "t"
    assert message.token_type == "Bearer"
    assert message.expires_in.ToTimedelta() == HOUR
    assert list(message.scopes) == ["a", "b"]
    assert message.refresh_token == ""


def test_an_inactive_token_is_told_nothing_about() -> None:
    """RFC 7662 §2.2: no member but `active`, which is false by being left out."""
    assert from_introspection(INACTIVE) == IntrospectTokenResponse()


def test_every_claim_of_an_access_token_is_told() -> None:
    """Each field of the response is set."""
    claims = AccessTokenClaims(
        issuer=ISSUER,
        subject=Owner("ann"),
        audience=(INVOICES,),
        client_id=ClientId("ledger"),
        scope=Scope.parse("a b"),
        issued_at=NOW,
        expires_at=NOW + HOUR,
        token_id=TokenId("0aaj"),
        epoch=Epoch("e"),
        owner=Owner("ann"),
    )

    message = from_introspection(ActiveAccessToken(claims))

    assert message.active
    assert list(message.scopes) == ["a", "b"]
    assert message.client_id == "ledger"
    assert message.token_type == "Bearer"
    assert message.expire_time.ToDatetime(UTC) == NOW + HOUR
    assert message.issue_time.ToDatetime(UTC) == NOW
    assert message.subject == "ann"
    assert list(message.audiences) == [INVOICES]
    assert message.issuer == ISSUER
    assert message.token_id == "0aaj"
    assert message.owner == "ann"
    assert {field.name for field, _ in message.ListFields()} == set(
        IntrospectTokenResponse.DESCRIPTOR.fields_by_name
    )


def test_a_refresh_token_bears_no_token_type() -> None:
    """No resource may take it for an access token."""
    found = family(owner="ledger", created_at=NOW + MOMENT, expires_at=NOW + DAY + MOMENT)

    message = from_introspection(ActiveRefreshToken(found, ISSUER))

    assert message.active
    assert message.client_id == "ledger"
    assert message.token_type == ""
    assert message.expire_time.ToDatetime(UTC) == NOW + DAY
    assert message.issue_time.ToDatetime(UTC) == NOW
