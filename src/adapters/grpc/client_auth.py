"""Which client a call claims to come from, and by what proof (RFC 6749 §2.3)."""

from collections.abc import Iterable

from adapters.basic_credentials import read_basic
from domain.errors import InvalidClient, InvalidRequest
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.identifiers import ClientId

_AUTHORIZATION = "authorization"


def read_credentials(
    metadata: Iterable[tuple[str, str | bytes]],
    *,
    client_id: str,
    client_secret: str,
    allow_fields: bool,
) -> PresentedCredentials:
    """Read exactly one authentication method: call metadata, or the fields of the message.

    Args:
        allow_fields: Whether a secret may stand in the message. Where it may
            not, it is refused like any failed authentication.

    Raises:
        InvalidRequest: If there are two, or if they name different clients.
        InvalidClient: If there is none, or it cannot be read.
    """
    entries = [value for key, value in metadata if key == _AUTHORIZATION]
    if len(entries) > 1:
        raise InvalidRequest("two authorization entries", hint="authorization is given twice")
    if not entries:
        return _from_fields(client_id, client_secret, allow=allow_fields)
    if client_secret:
        raise InvalidRequest(
            "authorization and client_secret", hint="two authentication methods are given"
        )
    presented = read_basic(entries[0])
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
