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

    Raises:
        InvalidClient: If it is another scheme or does not decode. No cause is
            attached: a decoder's error quotes what it was given.
    """
    text = header_value if isinstance(header_value, str) else header_value.decode("latin-1")
    scheme, _, encoded = text.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("an authentication scheme other than Basic")
    halves = _decode(encoded.lstrip(" "))
    if halves is None:
        raise InvalidClient("malformed Basic credentials")
    client_id, secret = halves
    if not client_id:
        raise InvalidClient("Basic credentials without a client_id")
    return PresentedCredentials(
        ClientId(client_id), AuthMethod.CLIENT_SECRET_BASIC, ClientSecret(secret)
    )


def _decode(encoded: str) -> tuple[str, str] | None:
    try:
        client_id, colon, secret = a2b_base64(encoded, strict_mode=True).partition(b":")
        if not colon or _STRAY_PERCENT.search(client_id) or _STRAY_PERCENT.search(secret):
            return None
        return _form_decode(client_id), _form_decode(secret)
    except ValueError:
        return None


def _form_decode(half: bytes) -> str:
    return unquote_to_bytes(half.replace(b"+", b" ")).decode()
