"""The canonical line: one for each request, on standard error among the log's other lines.

It is not made by structlog, whose way costs more than all else that is done
for a line.
"""

import asyncio
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from adapters.request_record import Endpoint, RequestObserver, RequestRecord
from adapters.telemetry.readers import PIECE, has_room
from domain.errors import ErrorCode
from domain.model.clients import GrantType
from domain.model.credentials import mask_secrets

_MOST_WAITING: Final = 10_000
_LOOK_AGAIN_AFTER: Final = 0.005

_LONGEST_TEXT: Final = 128
_LONGEST_MASKED: Final = 2_048

_OUR_FAULT: Final = frozenset({ErrorCode.SERVER_ERROR, ErrorCode.TEMPORARILY_UNAVAILABLE})
_KNOWN_GRANTS: Final = frozenset({"", *GrantType})

_log = logging.getLogger("grantd.requests")
_encode = msgspec.json.Encoder().encode


class RequestLine(Struct, omit_defaults=True):
    """The members of a line, in their order. Those of no use to a request are left out."""

    at: str
    level: str
    event: str
    request_id: str
    protocol: str
    endpoint: str
    outcome: str
    status: int | str
    duration_ms: float
    store_reads: int
    store_steps: int
    address: str
    method: str = ""
    client_id: str = ""
    claimed_client_id: str = ""
    grant_type: str = ""
    active: bool | UnsetType = UNSET
    trace_id: str = ""
    span_id: str = ""


class RequestLog:
    """Writes lines in the order in which requests end, many with one write.

    A full disk stops no request, and what could not be written is lost. Nor
    does a reader of a pipe who pauses: lines wait for him, and too many are lost.

    Args:
        descriptor: Where to write; it is closed by who opened it.

        readable: For people rather than programs.
    """

    def __init__(self, descriptor: int, *, readable: bool) -> None:
        self._descriptor = descriptor
        self._encode = _readable if readable else _json
        self._waiting: list[bytes] = []
        self._second = 0
        self._written_second = ""

    def began(self) -> None:
        pass

    def ended(self, record: RequestRecord, /, *, seconds: float) -> None:
        level = _level(record)
        if not _log.isEnabledFor(level) or len(self._waiting) >= _MOST_WAITING:
            return
        self._waiting.append(self._encode(self._line(record, level, seconds)))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._write)

    def turned_away(self, record: RequestRecord, /) -> None:
        self.ended(record, seconds=0)

    def _line(self, record: RequestRecord, level: int, seconds: float) -> RequestLine:
        grant_type = record.grant_type
        return RequestLine(
            self._now(),
            _LEVEL_NAMES[level],
            "request",
            record.request_id,
            record.protocol,
            record.endpoint.value,
            record.outcome.value,
            record.status,
            round(seconds * 1_000, 3),
            record.tally.reads,
            record.tally.steps,
            record.address,
            record.method,
            record.client_id,
            "" if record.client_id else _shown(record.claimed),
            grant_type if grant_type in _KNOWN_GRANTS else _shown(grant_type),
            UNSET if record.active is None else record.active,
            record.trace_id,
            record.span_id,
        )

    def _now(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._written_second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._written_second}.{int((now - second) * 1_000):03d}Z"

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        written = 0
        with suppress(OSError):
            for piece in _pieces(lines):
                if not has_room(self._descriptor):
                    self._waiting = lines[written:]
                    asyncio.get_running_loop().call_later(_LOOK_AGAIN_AFTER, self._write)
                    return
                os.write(self._descriptor, b"".join(piece))
                written += len(piece)


_LEVEL_NAMES: Final = {
    level: logging.getLevelName(level).lower()
    for level in (logging.DEBUG, logging.INFO, logging.WARNING)
}


def _level(record: RequestRecord) -> int:
    """Warn of what was not the caller's doing; say of health no more than was asked for."""
    if record.endpoint is Endpoint.HEALTH and record.outcome is not ErrorCode.SERVER_ERROR:
        return logging.DEBUG
    return logging.WARNING if record.outcome in _OUR_FAULT else logging.INFO


def _shown(text: str) -> str:
    """Bound, mask and escape what came from a caller."""
    if not text:
        return text
    masked = mask_secrets(text[:_LONGEST_MASKED])[:_LONGEST_TEXT]
    if masked.isascii() and masked.isprintable():
        return masked
    return masked.encode("unicode_escape").decode("ascii")


def _json(line: RequestLine) -> bytes:
    return _encode(line) + b"\n"


def _readable(line: RequestLine) -> bytes:
    """Write for people: texts quoted, so that nothing in them passes for something else."""
    members = msgspec.to_builtins(line)
    at, level, event = (members.pop(name) for name in ("at", "level", "event"))
    shown = (b"%b=%b" % (name.encode(), _encode(value)) for name, value in members.items())
    return b" ".join((f"{at} [{level}] {event}".encode(), *shown)) + b"\n"


def _pieces(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Group whole lines that may be written at once."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > PIECE:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield piece


_: type[RequestObserver] = RequestLog
