"""Whether the head of a request can be believed (RFC 9112 §3.2, §6).

The parser has seen to its grammar: tokens, line ends, digits, one
Content-Length, and none beside Transfer-Encoding. Here is what it lets pass.
"""

import re
from collections.abc import Sequence
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
    method: str, version: str, fields: Sequence[tuple[bytes, bytes]], *, body_bytes: int
) -> None:
    """Let a head pass, or refuse the request.

    Args:
        fields: The header fields, their names in lower case.

        body_bytes: How long a body may be announced.

    Raises:
        Refused: With the reply that is due.
    """
    if version not in _VERSIONS:
        raise Refused(UNKNOWN_VERSION)
    if method == "CONNECT":
        raise Refused(UNKNOWN_METHOD)
    names = [name for name, _ in fields]
    values = dict(fields)
    _require_host(names.count(b"host"), values.get(b"host", b""), version)
    if b"transfer-encoding" in values:
        _require_chunked(values[b"transfer-encoding"], version)
    elif b"content-length" in values:
        _require_length_within(values[b"content-length"], body_bytes)


def _require_host(count: int, host: bytes, version: str) -> None:
    """Require one Host field (RFC 9112 §3.2); HTTP/1.0 did not know it."""
    missing = count == 0 and version == "1.1"
    if missing or count > 1 or not _HOST.fullmatch(host):
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
