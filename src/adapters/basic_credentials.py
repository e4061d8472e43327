"""Basic credentials of a client (RFC 6749 §2.3.1), read alike at every edge."""

import re
from binascii import a2b_base64
from urllib.parse import unquote_to_bytes

from domain.errors import InvalidClient
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.identifiers import ClientId

_STRAY_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_basic(header_value: str | bytes) -> PresentedCredentials:
    """Read the value of an `authorization` header or metadata entry.

    Unlike in RFC 7617 both halves are form-encoded (RFC 6749 App. B); they
    are split at the first colon before they are decoded, as strict UTF-8.
    A secret that reads differently as it stands is handed on in both readings,
    since only the client's registration tells which are meant.

    Raises:
        InvalidClient: If it is another scheme or does not decode. No cause is
            attached: a decoder's error quotes what it was given.
    """
    text = header_value if isinstance(header_value, str) else header_value.decode("latin-1")
    scheme, _, encoded = text.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("an authentication scheme other than Basic")
    halves = _split(encoded.lstrip(" "))
    if halves is None:
        raise InvalidClient("malformed Basic credentials")
    client_id, secret = _form_decoded(halves[0]), _form_decoded(halves[1])
    raw_secret = _raw(halves[1]) if client_id == _raw(halves[0]) else None
    if client_id is None or (secret is None and raw_secret is None):
        raise InvalidClient("malformed Basic credentials")
    if not client_id:
        raise InvalidClient("Basic credentials without a client_id")
    return PresentedCredentials(
        ClientId(client_id),
        AuthMethod.CLIENT_SECRET_BASIC,
        secret=ClientSecret(secret) if secret is not None else None,
        raw_secret=ClientSecret(raw_secret) if raw_secret not in (None, secret) else None,
    )


def _split(encoded: str) -> tuple[bytes, bytes] | None:
    try:
        client_id, colon, secret = a2b_base64(encoded, strict_mode=True).partition(b":")
    except ValueError:
        return None
    return (client_id, secret) if colon else None


def _form_decoded(half: bytes) -> str | None:
    if _STRAY_PERCENT.search(half):
        return None
    return _raw(unquote_to_bytes(half.replace(b"+", b" ")))


def _raw(half: bytes) -> str | None:
    try:
        return half.decode()
    except ValueError:
        return None
