"""Whether the head of a request can be believed (RFC 9112 §3.2, §6).

The parser has seen to its grammar: tokens, line ends, digits, one
Content-Length, and none beside Transfer-Encoding. Here is what it lets pass.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from adapters.http.early_replies import (
    CONTENT_TOO_LARGE,
    MALFORMED,
    UNKNOWN_CODING,
    UNKNOWN_METHOD,
    UNKNOWN_VERSION,
    Refused,
)

_VERSIONS = frozenset({"1.0", "1.1"})
_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")  # uri-host [ ":" port ]
_LONGEST_LENGTH = 19  # digits that any parser takes for a number


def judge(
    method: str,
    version: str,
    headers: Sequence[tuple[bytes, bytes]],
    fields: Mapping[bytes, bytes],
    *,
    body_bytes: int,
) -> None:
    """Let a head pass, or refuse the request.

    Args:
        headers: The header fields, their names in lower case.

        fields: The same by name, of those with one name the last.

        body_bytes: How long a body may be announced.

    Raises:
        Refused: With the reply that is due.
    """
    if version not in _VERSIONS:
        raise Refused(UNKNOWN_VERSION)
    if method == "CONNECT":
        raise Refused(UNKNOWN_METHOD)
    _require_host(headers, fields, version)
    if b"transfer-encoding" in fields:
        _require_chunked(fields[b"transfer-encoding"], version)
    elif b"content-length" in fields:
        _require_length_within(fields[b"content-length"], body_bytes)


def _require_host(
    headers: Sequence[tuple[bytes, bytes]], fields: Mapping[bytes, bytes], version: str
) -> None:
    """Require one Host field (RFC 9112 §3.2); HTTP/1.0 did not know it."""
    missing = b"host" not in fields and version == "1.1"
    if missing or not _HOST.fullmatch(fields.get(b"host", b"")):
        raise Refused(MALFORMED)
    if len(fields) < len(headers) and [name for name, _ in headers].count(b"host") > 1:
        raise Refused(MALFORMED)


def _require_chunked(coding: bytes, version: str) -> None:
    """Take chunked and nothing else (RFC 9112 §6.1); the parser refuses a second field."""
    if version == "1.0":
        raise Refused(MALFORMED)
    if coding.strip().lower() != b"chunked":
        raise Refused(UNKNOWN_CODING)


def _require_length_within(length: bytes, limit: int) -> None:
    if len(length) > _LONGEST_LENGTH or int(length) > limit:
        raise Refused(CONTENT_TOO_LARGE)
