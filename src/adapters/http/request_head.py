"""Whether the head of a request can be believed (RFC 9112 §3.2, §6).

The parser has seen to its grammar: tokens, line ends, digits, one
Content-Length, and none beside Transfer-Encoding. Here is what it lets pass.
"""

import re
from typing import Final

from adapters.http.early_replies import (
    CONTENT_TOO_LARGE,
    MALFORMED,
    UNKNOWN_CODING,
    UNKNOWN_METHOD,
    UNKNOWN_VERSION,
    Refused,
)
from adapters.http.request import Request

_VERSIONS = frozenset({"1.0", "1.1"})
_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")  # uri-host [ ":" port ]
_LONGEST_LENGTH = 19  # digits that any parser takes for a number


def judge_line(method: str, version: str) -> None:
    """Let a request line pass, or refuse the request.

    Raises:
        Refused: With the reply that is due.
    """
    if version not in _VERSIONS:
        raise Refused(UNKNOWN_VERSION)
    if method == "CONNECT":
        raise Refused(UNKNOWN_METHOD)


def judge_fields(request: Request, version: str, *, body_bytes: int) -> None:
    """Let the header fields pass, or refuse the request.

    Args:
        body_bytes: How long a body may be announced.

    Raises:
        Refused: With the reply that is due.
    """
    _require_host(request, version)
    fields = request.fields
    if b"transfer-encoding" in fields:
        _require_chunked(fields[b"transfer-encoding"], version)
    elif b"content-length" in fields:
        _require_length_within(fields[b"content-length"], body_bytes)


def _require_host(request: Request, version: str) -> None:
    """Require one Host field (RFC 9112 §3.2); HTTP/1.0 did not know it."""
    hosts = request.values(b"host")
    if len(hosts) != 1:
        if hosts or version == "1.1":
            raise Refused(MALFORMED)
    elif not _HOST.fullmatch(hosts[0]):
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
