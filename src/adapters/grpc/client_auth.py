"""Which client a call claims to come from, and by what proof (RFC 6749 §2.3)."""

from typing import Protocol

from adapters.authentication_method import require_one
from adapters.basic_credentials import read_basic
from adapters.client_assertion import read_assertion
from adapters.grpc.service_methods import AUTHORIZATION, Metadata
from domain.errors import InvalidClient, InvalidRequest
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    Presented,
    PresentedCredentials,
    Proof,
    UnreadableCredentials,
)
from domain.model.identifiers import ClientId


class CredentialFields(Protocol):
    """What every request message has for its sender to authenticate with."""

    client_id: str
    client_secret: str
    client_assertion_type: str
    client_assertion: str


def present(metadata: Metadata, message: CredentialFields, *, allow_fields: bool) -> Presented:
    """Read what `read_credentials` does, and hand on why it is refused if it cannot be read."""
    try:
        return read_credentials(metadata, message, allow_fields=allow_fields)
    except (InvalidClient, InvalidRequest) as refusal:
        return UnreadableCredentials(refusal)


def read_credentials(metadata: Metadata, message: CredentialFields, *, allow_fields: bool) -> Proof:
    """Read exactly one authentication method: call metadata, or the fields of the message.

    Args:
        allow_fields: Whether a secret may stand in the message. Where it may
            not, it is refused like any failed authentication. An assertion may.

    Raises:
        InvalidRequest: If there are two methods, two clients, or half an
            assertion.
        InvalidClient: If there is none, or it cannot be read.
    """
    authorization = [value for key, value in metadata if key == AUTHORIZATION]
    asserts = bool(message.client_assertion_type or message.client_assertion)
    require_one(len(authorization) + bool(message.client_secret) + asserts)
    if authorization:
        return _from_metadata(authorization[0], message.client_id)
    if asserts:
        return read_assertion(
            assertion_type=message.client_assertion_type,
            assertion=message.client_assertion,
            client_id=message.client_id,
        )
    return _from_fields(message.client_id, message.client_secret, allow=allow_fields)


def _from_metadata(value: str | bytes, client_id: str) -> PresentedCredentials:
    presented = read_basic(value)
    if client_id and client_id != presented.client_id:
        raise InvalidRequest(
            "two clients named", hint="client_id is not the client of authorization"
        )
    return presented


def _from_fields(client_id: str, client_secret: str, *, allow: bool) -> PresentedCredentials:
    if not client_id:
        raise InvalidClient("no client named")
    if not client_secret:
        return PresentedCredentials(ClientId(client_id), AuthMethod.NONE)
    if not allow:
        raise InvalidClient("credentials in the message", hint="use call metadata authorization")
    return PresentedCredentials(
        ClientId(client_id), AuthMethod.CLIENT_SECRET_POST, ClientSecret(client_secret)
    )
