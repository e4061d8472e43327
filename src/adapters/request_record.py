"""What is known of the request at hand, for whoever tells of it when it has ended.

The edges begin it, and they and the core's `Witness` fill it; no decision
rests on it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from time import perf_counter
from typing import Final, Protocol

from adapters.store_trips import Tally, begin_tally
from domain.errors import ErrorCode
from domain.model.identifiers import ClientId
from domain.ports.entropy import Entropy
from domain.ports.witness import Witness

PROTOCOLS: Final = ("http", "grpc")


class Endpoint(StrEnum):
    """What was asked for, by one name over both protocols."""

    TOKEN = "token"  # noqa: S105  (the name of an endpoint)
    INTROSPECTION = "introspection"
    REVOCATION = "revocation"
    METADATA = "metadata"
    KEY_SET = "key_set"
    ADMINISTRATION = "administration"
    HEALTH = "health"
    REFLECTION = "reflection"
    UNKNOWN = "unknown"


class Ending(StrEnum):
    """How a request may end, apart from the error codes of its reply.

    Attributes:
        CANCELLED: The caller left, or the drain was over.

        DEADLINE_EXCEEDED: The caller's deadline had passed when the call came.

        NOT_FOUND: Health was asked for of a service that is not here.
    """

    OK = "ok"
    CANCELLED = "cancelled"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    NOT_FOUND = "not_found"


Outcome = ErrorCode | Ending

OUTCOMES: Final[frozenset[str]] = frozenset({*ErrorCode, *Ending})


@dataclass(slots=True, eq=False)
class RequestRecord(Tally):
    """One request, with what it has waited for.

    Attributes:
        method: GET, POST and so on, or the full name of a gRPC method of ours. What
            else was asked for is not kept: paths that lead nowhere may hold tokens.

        address: Where it came from, as `trusted_proxies` lets us see it.

        claimed: Which client it says it comes from, as it was sent.

        client_id: Which client it comes from; empty unless proved.

        grant_type: As it was sent.

        active: What introspection told.

        status: Of HTTP, or the name of a gRPC status; 0 if nothing was answered.

        trace_id: The trace that it is part of, if there is one.

        span_id: Its own part of that.
    """

    request_id: str
    protocol: str
    method: str
    address: str
    endpoint: Endpoint = Endpoint.UNKNOWN
    claimed: str = ""
    client_id: str = ""
    grant_type: str = ""
    active: bool | None = None
    outcome: Outcome = Ending.OK
    status: int | str = 0
    trace_id: str = ""
    span_id: str = ""
    began: float = field(default_factory=perf_counter)


class RequestObserver(Protocol):
    """Hears of every request of one process. Nothing of it may raise."""

    def began(self) -> None: ...

    def ended(self, record: RequestRecord, /, *, seconds: float) -> None:
        """Hear of the end of a request that had begun."""
        ...

    def turned_away(self, record: RequestRecord, /) -> None:
        """Hear of one that was refused before it was read, so that it never began."""
        ...


class EachObserver:
    """Several observers as one; none is one that does not listen."""

    def __init__(self, observers: Sequence[RequestObserver] = ()) -> None:
        self._observers = tuple(observers)
        self._began = tuple(observer.began for observer in observers)
        self._ended = tuple(observer.ended for observer in observers)

    def began(self) -> None:
        for began in self._began:
            began()

    def ended(self, record: RequestRecord, /, *, seconds: float) -> None:
        for ended in self._ended:
            ended(record, seconds=seconds)

    def turned_away(self, record: RequestRecord, /) -> None:
        for observer in self._observers:
            observer.turned_away(record)


UNOBSERVED: Final = EachObserver()

_ID_DIGITS: Final = 24
_IDS_AT_ONCE: Final = 256

_UNTRACED: Final = ("", "")

_record: ContextVar[RequestRecord | None] = ContextVar("request_record", default=None)
_trace: ContextVar[tuple[str, str]] = ContextVar("request_trace", default=_UNTRACED)


def request_ids(entropy: Entropy) -> Callable[[], str]:
    """Return what makes the id of a request: without signs that a command takes for an option.

    It is no secret, so many are drawn at once.
    """
    return partial(next, _request_ids(entropy))


def _request_ids(entropy: Entropy) -> Iterator[str]:
    while True:
        digits = entropy.octets(_IDS_AT_ONCE * _ID_DIGITS // 2).hex()
        for start in range(0, len(digits), _ID_DIGITS):
            yield digits[start : start + _ID_DIGITS]


def begin_record(record: RequestRecord) -> RequestRecord:
    """Make *record* that of the request at hand, in this task and those that it begins."""
    begin_tally(record)
    record.trace_id, record.span_id = _trace.get()
    _record.set(record)
    return record


def bind_trace(trace_id: str, span_id: str) -> None:
    """Say which span the request is that begins in this task next."""
    _trace.set((trace_id, span_id))


def current_record() -> RequestRecord | None:
    """Return the record of the request at hand; None outside of one."""
    return _record.get()


def note_grant(grant_type: str | None) -> None:
    if (record := _record.get()) is not None:
        record.grant_type = grant_type or ""


def note_introspection(*, active: bool) -> None:
    if (record := _record.get()) is not None:
        record.active = active


def note_outcome(outcome: Outcome) -> None:
    if (record := _record.get()) is not None:
        record.outcome = outcome


class RecordingWitness:
    """Fills in the client."""

    def claimed(self, client_id: ClientId, /) -> None:
        if (record := _record.get()) is not None:
            record.claimed = client_id

    def proved(self, client_id: ClientId, /) -> None:
        if (record := _record.get()) is not None:
            record.client_id = client_id


_: tuple[type[Witness], type[RequestObserver]] = (RecordingWitness, EachObserver)
