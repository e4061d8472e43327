import pytest

from adapters.grpc.client_auth import read_credentials
from domain.errors import InvalidClient, InvalidRequest
from domain.model.credentials import AuthMethod
from support.grpc_calls import Metadata, basic

LEDGER = basic("ledger", "s")


def test_metadata_is_read_as_the_http_header_is() -> None:
    """The fields may stay empty."""
    presented = read_credentials(LEDGER, client_id="", client_secret="", allow_fields=True)

    assert presented.client_id == "ledger"
    assert presented.method is AuthMethod.CLIENT_SECRET_BASIC


def test_the_fields_are_a_method_of_their_own() -> None:
    """A client has to be registered for it, as for a secret in an HTTP body."""
    presented = read_credentials((), client_id="ledger", client_secret="s", allow_fields=True)

    assert presented.method is AuthMethod.CLIENT_SECRET_POST
    assert presented.secret is not None
    assert presented.secret.reveal() == "s"


def test_a_secret_in_the_fields_can_be_switched_off() -> None:
    """It is refused like any failed authentication; a public client has none to refuse."""
    with pytest.raises(InvalidClient):
        read_credentials((), client_id="ledger", client_secret="s", allow_fields=False)

    assert read_credentials((), client_id="app", client_secret="", allow_fields=False)


def test_a_client_id_alone_is_a_public_client() -> None:
    """It proves nothing and says so."""
    presented = read_credentials((), client_id="app", client_secret="", allow_fields=True)

    assert presented.method is AuthMethod.NONE
    assert presented.secret is None


@pytest.mark.parametrize("secret", ["", "s"])
def test_no_client_at_all_is_no_authentication(secret: str) -> None:
    """A secret belongs to somebody."""
    with pytest.raises(InvalidClient):
        read_credentials((), client_id="", client_secret=secret, allow_fields=True)


def test_metadata_may_repeat_the_client_id() -> None:
    """CLA-009: an equal client_id is no second method."""
    assert (
        read_credentials(LEDGER, client_id="ledger", client_secret="", allow_fields=True).client_id
        == "ledger"
    )


def test_metadata_may_not_contradict_the_client_id() -> None:
    """CLA-009: two clients in one request are a malformed request."""
    with pytest.raises(InvalidRequest):
        read_credentials(LEDGER, client_id="payroll", client_secret="", allow_fields=True)


@pytest.mark.parametrize("metadata", [LEDGER, (("authorization", "Bearer x"),)])
def test_two_methods_at_once_are_refused_before_either_is_read(metadata: Metadata) -> None:
    """RFC 6749 §2.3: a client uses one method a request."""
    with pytest.raises(InvalidRequest):
        read_credentials(metadata, client_id="ledger", client_secret="s", allow_fields=True)


def test_two_authorization_entries_are_refused() -> None:
    """CLA-007: neither of them authenticates, even if they are the same."""
    with pytest.raises(InvalidRequest):
        read_credentials((*LEDGER, *LEDGER), client_id="", client_secret="", allow_fields=True)


def test_another_scheme_does_not_fall_through_to_a_public_client() -> None:
    """CLA-006: who tries to authenticate is not taken for who does not."""
    with pytest.raises(InvalidClient):
        read_credentials(
            (("authorization", "Bearer x"),), client_id="app", client_secret="", allow_fields=True
        )
