"""Basic credentials of a client (RFC 6749 §2.3.1), read alike at every edge."""

import re
from binascii import a2b_base64
from typing import Final
from urllib.parse import unquote_to_bytes

from domain.errors import InvalidClient
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.identifiers import ClientId

_METHOD: Final = AuthMethod.CLIENT_SECRET_BASIC
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
    value = header_value if isinstance(header_value, str) else header_value.decode("latin-1")
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("an authentication scheme other than Basic")
    pair = _decoded(encoded.lstrip(" "))
    text = _raw(pair)
    if text is None or "%" in text or "+" in text:
        return _read_escaped(pair)
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise InvalidClient("malformed Basic credentials")
    return _presented(client_id, ClientSecret(secret))


def _read_escaped(pair: bytes) -> PresentedCredentials:
    """Read what may have been form-encoded, or may look so as it stands."""
    half, colon, other_half = pair.partition(b":")
    if not colon:
        raise InvalidClient("malformed Basic credentials")
    client_id, secret = _form_decoded(half), _form_decoded(other_half)
    raw_secret = _raw(other_half) if client_id == _raw(half) else None
    if client_id is None or (secret is None and raw_secret is None):
        raise InvalidClient("malformed Basic credentials")
    return _presented(
        client_id,
        ClientSecret(secret) if secret is not None else None,
        ClientSecret(raw_secret) if raw_secret not in (None, secret) else None,
    )


def _presented(
    client_id: str, secret: ClientSecret | None, raw_secret: ClientSecret | None = None
) -> PresentedCredentials:
    if not client_id:
        raise InvalidClient("Basic credentials without a client_id")
    return PresentedCredentials(ClientId(client_id), _METHOD, secret, raw_secret)


def _decoded(encoded: str) -> bytes:
    """Decode base64; what is none decodes to nothing."""
    try:
        return a2b_base64(encoded, strict_mode=True)
    except ValueError:
        return b""


def _form_decoded(half: bytes) -> str | None:
    if _STRAY_PERCENT.search(half):
        return None
    return _raw(unquote_to_bytes(half.replace(b"+", b" ")))


def _raw(half: bytes) -> str | None:
    try:
        return half.decode()
    except ValueError:
        return None
