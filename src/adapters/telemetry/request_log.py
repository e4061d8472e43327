"""The canonical line: one for each request, on standard error among the log's other lines.

It is not made by structlog, whose way costs more than all else that is done
for a line.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Final, NamedTuple, TypeAlias

from adapters.request_record import Endpoint, Outcome, RequestObserver, RequestRecord
from adapters.telemetry.moments import OncePerMoment
from adapters.telemetry.readers import PIECE, has_room
from adapters.written_times import written_second
from domain.errors import ErrorCode
from domain.model.clients import GrantType
from domain.model.credentials import mask_secrets

MEMBERS: Final = (
    *("at", "level", "event", "request_id", "protocol", "endpoint", "outcome", "status"),
    *("duration_ms", "store_reads", "store_steps", "address", "method", "client_id"),
    *("claimed_client_id", "grant_type", "active", "trace_id", "span_id"),
)
"""What a line may have, in that order. Of those behind the address it has what tells something."""

_MOST_WAITING: Final = 10_000

_LONGEST_TEXT: Final = 128
_LONGEST_MASKED: Final = 2_048

_OUR_FAULT: Final = frozenset({ErrorCode.SERVER_ERROR, ErrorCode.TEMPORARILY_UNAVAILABLE})
_GRANTS: Final = {"": "", **{grant.value: f',"grant_type":"{grant}"' for grant in GrantType}}
_ACTIVE: Final = {None: "", True: ',"active":true', False: ',"active":false'}

_log = logging.getLogger("grantd.requests")
_quoted = encode_basestring_ascii


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
        self._readable = readable
        self._waiting: list[str] = []
        self._soon = OncePerMoment(self._write)
        self._millisecond = 0
        self._written_time = ""

    def began(self) -> None:
        pass

    def ended(self, record: RequestRecord, /, *, seconds: float) -> None:
        frame = _frame(
            (
                record.protocol,
                record.endpoint,
                record.outcome,
                record.status,
                record.reads,
                record.steps,
                record.method,
            )
        )
        if not _log.isEnabledFor(frame.level) or len(self._waiting) >= _MOST_WAITING:
            return
        self._waiting.append(_line(record, frame, self._now(), seconds))
        self._soon.ask()

    def turned_away(self, record: RequestRecord, /) -> None:
        self.ended(record, seconds=0)

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        written = 0
        with suppress(OSError):
            for piece in _pieces(lines):
                if not has_room(self._descriptor):
                    self._waiting = lines[written:]
                    self._soon.ask()
                    return
                text = "".join(map(_for_people, piece) if self._readable else piece)
                os.write(self._descriptor, text.encode("ascii"))
                written += len(piece)

    def _now(self) -> str:
        millisecond = int(time.time() * 1_000)
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            second, rest = divmod(millisecond, 1_000)
            self._written_time = f"{written_second(second)}.{rest:03d}Z"
        return self._written_time


_Kind: TypeAlias = tuple[str, Endpoint, Outcome, int | str, int, int, str]


class _Frame(NamedTuple):
    """What is the same in the lines of many requests, in their order.

    Attributes:
        answer: What stands between the id and the duration.

        trips: What stands between the duration and the address.

        method: What stands behind the address.
    """

    level: int
    head: str
    answer: str
    trips: str
    method: str


@lru_cache(maxsize=1_024)
def _frame(kind: _Kind) -> _Frame:
    protocol, endpoint, outcome, status, reads, steps, method = kind
    level = _level(endpoint, outcome)
    name = logging.getLevelName(level).lower()
    return _Frame(
        level=level,
        head=f'"level":"{name}","event":"request","request_id":',
        answer=(
            f',"protocol":"{protocol}","endpoint":"{endpoint}","outcome":"{outcome}"'
            f',"status":{json.dumps(status)},"duration_ms":'
        ),
        trips=f',"store_reads":{reads},"store_steps":{steps},"address":',
        method=f',"method":{_quoted(method)}' if method else "",
    )


def _level(endpoint: Endpoint, outcome: Outcome) -> int:
    """Warn of what was not the caller's doing; say of health no more than was asked for."""
    if endpoint is Endpoint.HEALTH and outcome is not ErrorCode.SERVER_ERROR:
        return logging.DEBUG
    return logging.WARNING if outcome in _OUR_FAULT else logging.INFO


def _line(record: RequestRecord, frame: _Frame, at: str, seconds: float) -> str:
    """Write the `MEMBERS` of one request; what came with it is quoted."""
    _, head, answer, trips, method = frame
    return (
        f'{{"at":"{at}",{head}{_quoted(record.request_id)}{answer}{seconds * 1_000:.3f}'
        f"{trips}{_quoted(record.address)}{method}{_caller(record)}{_grant(record.grant_type)}"
        f"{_ACTIVE[record.active]}{_trace(record) if record.trace_id else ''}}}\n"
    )


def _caller(record: RequestRecord) -> str:
    if record.client_id:
        return f',"client_id":{_quoted(record.client_id)}'
    return f',"claimed_client_id":{_quoted(_shown(record.claimed))}' if record.claimed else ""


def _grant(grant_type: str) -> str:
    known = _GRANTS.get(grant_type)
    return f',"grant_type":{_quoted(_shown(grant_type))}' if known is None else known


def _trace(record: RequestRecord) -> str:
    return f',"trace_id":"{record.trace_id}","span_id":"{record.span_id}"'


def _shown(text: str) -> str:
    """Bound, mask and escape what came from a caller."""
    masked = mask_secrets(text[:_LONGEST_MASKED])[:_LONGEST_TEXT]
    if masked.isascii() and masked.isprintable():
        return masked
    return masked.encode("unicode_escape").decode("ascii")


def _for_people(line: str) -> str:
    """Write a line for people: texts stay quoted, so that nothing in them can pass for more."""
    members = json.loads(line)
    at, level, event = (members.pop(name) for name in ("at", "level", "event"))
    shown = (f"{name}={json.dumps(value)}" for name, value in members.items())
    return " ".join((f"{at} [{level}] {event}", *shown)) + "\n"


def _pieces(lines: list[str]) -> Iterator[list[str]]:
    """Group whole lines that may be written at once."""
    piece: list[str] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > PIECE:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield piece


_: type[RequestObserver] = RequestLog
