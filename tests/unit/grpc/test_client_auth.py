import pytest

from adapters.grpc.client_auth import read_credentials
from domain.errors import InvalidClient, InvalidRequest
from domain.model.assertions import ASSERTION_TYPE
from domain.model.credentials import AuthMethod, Presented, PresentedAssertion, PresentedCredentials
from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IssueTokenRequest,
    RevokeTokenRequest,
)
from support.grpc_calls import Metadata, basic

LEDGER = basic("ledger", "s")


def read(metadata: Metadata = (), *, allow_fields: bool = True, **fields: str) -> Presented:
    return read_credentials(metadata, IssueTokenRequest(**fields), allow_fields=allow_fields)


def read_secret(
    metadata: Metadata = (), *, allow_fields: bool = True, **fields: str
) -> PresentedCredentials:
    presented = read(metadata, allow_fields=allow_fields, **fields)
    assert isinstance(presented, PresentedCredentials)
    return presented


def test_metadata_is_read_as_the_http_header_is() -> None:
    """The fields may stay empty."""
    presented = read_secret(LEDGER)

    assert presented.client_id == "ledger"
    assert presented.method is AuthMethod.CLIENT_SECRET_BASIC


def test_the_fields_are_a_method_of_their_own() -> None:
    """A client has to be registered for it, as for a secret in an HTTP body."""
    presented = read_secret(client_id="ledger", client_secret="s")

    assert presented.method is AuthMethod.CLIENT_SECRET_POST
    assert presented.secret is not None
    assert presented.secret.reveal() == "s"


def test_a_secret_in_the_fields_can_be_switched_off() -> None:
    """It is refused like any failed authentication; a public client has none to refuse."""
    with pytest.raises(InvalidClient):
        read(client_id="ledger", client_secret="s", allow_fields=False)

    assert read(client_id="app", allow_fields=False)


def test_a_client_id_alone_is_a_public_client() -> None:
    """It proves nothing and says so."""
    presented = read_secret(client_id="app")

    assert presented.method is AuthMethod.NONE
    assert presented.secret is None


@pytest.mark.parametrize("secret", ["", "s"])
def test_no_client_at_all_is_no_authentication(secret: str) -> None:
    """A secret belongs to somebody."""
    with pytest.raises(InvalidClient):
        read(client_secret=secret)


def test_metadata_may_repeat_the_client_id() -> None:
    """CLA-009: an equal client_id is no second method."""
    assert read_secret(LEDGER, client_id="ledger").client_id == "ledger"


def test_metadata_may_not_contradict_the_client_id() -> None:
    """CLA-009: two clients in one request are a malformed request."""
    with pytest.raises(InvalidRequest):
        read(LEDGER, client_id="payroll")


@pytest.mark.parametrize("metadata", [LEDGER, (("authorization", "Bearer x"),)])
@pytest.mark.parametrize("field", ["client_secret", "client_assertion", "client_assertion_type"])
def test_GRP_016_two_methods_at_once_are_refused_before_either_is_read(
    metadata: Metadata, field: str
) -> None:
    """RFC 6749 §2.3: a client uses one method a request."""
    with pytest.raises(InvalidRequest):
        read(metadata, client_id="ledger", **{field: "s"})


def test_a_secret_and_an_assertion_are_two_methods() -> None:
    """In the message as well."""
    with pytest.raises(InvalidRequest):
        read(client_secret="s", client_assertion_type=ASSERTION_TYPE, client_assertion="a.b.c")


def test_two_authorization_entries_are_refused() -> None:
    """CLA-007: neither of them authenticates, even if they are the same."""
    with pytest.raises(InvalidRequest):
        read((*LEDGER, *LEDGER))


def test_another_scheme_does_not_fall_through_to_a_public_client() -> None:
    """CLA-006: who tries to authenticate is not taken for who does not."""
    with pytest.raises(InvalidClient):
        read((("authorization", "Bearer x"),), client_id="app")


@pytest.mark.parametrize("message", [IssueTokenRequest, IntrospectTokenRequest, RevokeTokenRequest])
@pytest.mark.parametrize("allow_fields", [True, False])
def test_JWA_001_every_message_has_room_for_an_assertion(
    message: type[IssueTokenRequest | IntrospectTokenRequest | RevokeTokenRequest],
    *,
    allow_fields: bool,
) -> None:
    """It is no secret, so switching secrets off does not touch it."""
    presented = read_credentials(
        (),
        message(client_assertion_type=ASSERTION_TYPE, client_assertion="a.b.c"),
        allow_fields=allow_fields,
    )

    assert presented == PresentedAssertion("a.b.c")


def test_JWA_006_a_client_id_beside_an_assertion_is_carried_along() -> None:
    """The core compares it with the assertion's `sub`."""
    presented = read(
        client_id="ledger", client_assertion_type=ASSERTION_TYPE, client_assertion="a.b.c"
    )

    assert isinstance(presented, PresentedAssertion)
    assert presented.client_id == "ledger"


def test_JWA_021_half_an_assertion_is_a_malformed_request() -> None:
    """And nobody is taken for a public client for it."""
    for fields in ({"client_assertion": "a.b.c"}, {"client_assertion_type": ASSERTION_TYPE}):
        with pytest.raises(InvalidRequest):
            read(client_id="app", **fields)


def test_JWA_021_an_assertion_of_another_type_proves_nobody() -> None:
    """SAML, say."""
    with pytest.raises(InvalidClient):
        read(
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
            client_assertion="a.b.c",
        )
