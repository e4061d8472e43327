"""Traces in the form of OpenTelemetry, sent to a collector in the background.

A process in which tracing is off imports nothing of this.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import Thread
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    format_span_id,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from adapters.request_record import bind_trace, current_record
from adapters.store_trips import Tally, TripKind, TripObserver, count_for, waiting

_EXPORT_WITHIN: Final = 5.0
_FLUSH_WITHIN: Final = 3.0
_LONGEST_ATTRIBUTE: Final = 256
_LONGEST_CONTEXT: Final = 512  # each of its two fields; W3C Trace Context §3.3.1.5
_QUIET_SECONDS: Final = 60.0

_ERROR_TYPE: Final = "error.type"

_log = logging.getLogger(__name__)

Attributes = Mapping[str, str | int]


class Tracing:
    """Makes the spans of this process.

    Args:
        endpoint: Where a collector takes OTLP over HTTP, as
            `http://collector:4318/v1/traces`.

        sample_ratio: How much of what nobody else has decided about is traced.
            Whoever sends a trace context has decided.
    """

    def __init__(self, endpoint: str, *, sample_ratio: float, version: str) -> None:
        _speak_seldom(logging.getLogger("opentelemetry"))
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(sample_ratio)),
            resource=Resource.create(
                {
                    "service.name": "grantd",
                    "service.version": version,
                    "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
                }
            ),
            span_limits=SpanLimits(max_attribute_length=_LONGEST_ATTRIBUTE),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint, timeout=_EXPORT_WITHIN))
        )
        self._tracer = self._provider.get_tracer("grantd", version)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(
        self, name: str, *, fields: Callable[[str], Sequence[str]], attributes: Attributes
    ) -> Iterator[Span]:
        """Make the span of a request; the request's line names it, and if it is kept all others.

        Args:
            fields: Returns what the request has under a name, for its trace
                context. One that is malformed is no context.
        """
        with self._tracer.start_as_current_span(
            name,
            context=self._propagator.extract(_context_of(fields)),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,  # an exception's text is for the log
            set_status_on_exception=False,
        ) as span:
            own = span.get_span_context()
            trace_id, span_id = format_trace_id(own.trace_id), format_span_id(own.span_id)
            bind_trace(trace_id, span_id)
            if not span.is_recording():
                yield span
                return
            with (
                structlog.contextvars.bound_contextvars(trace_id=trace_id, span_id=span_id),
                _asking(span),
            ):
                try:
                    yield span
                finally:
                    _tell_whose(span)

    def step(self, name: str) -> AbstractContextManager[Span]:
        """Make the span of a part of the request at hand, if that one is kept."""
        if not get_current_span().is_recording():
            return nullcontext(INVALID_SPAN)
        return self._step(name)

    @contextmanager
    def _step(self, name: str) -> Iterator[Span]:
        with (
            self._tracer.start_as_current_span(
                name, record_exception=False, set_status_on_exception=False
            ) as span,
            _asking(span),
        ):
            yield span

    def observing_trips(self, observer: TripObserver, *, store: str) -> TripObserver:
        """Return what makes spans of trips to the store, and tells *observer* of them."""
        return _TracedTrips(self._tracer, observer, store)

    async def close(self) -> None:
        """Send what is left, as far as a collector takes it soon."""
        sending = Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, _FLUSH_WITHIN)


@dataclass(slots=True, eq=False)
class _Asking(Tally):
    """The span whose part of a request asks the store."""

    span: Span = INVALID_SPAN


def _asking(span: Span) -> AbstractContextManager[None]:
    return count_for(_Asking(span=span), instead_of=_Asking)


class _TracedTrips:
    """A trip that several requests have waited for is a span in each of them."""

    def __init__(self, tracer: Tracer, observer: TripObserver, store: str) -> None:
        self._tracer = tracer
        self._observer = observer
        self._store = store

    def made(self, kind: TripKind, /, *, seconds: float, failed: bool) -> None:
        self._observer.made(kind, seconds=seconds, failed=failed)
        # One that has ended is not of this request, but of the one before it on its connection.
        asking = [
            tally for tally in waiting() if isinstance(tally, _Asking) and tally.span.is_recording()
        ]
        if not asking:
            return
        ended = time.time_ns()
        began = ended - int(seconds * 1e9)
        for one in asking:
            span = self._tracer.start_span(
                f"store.{kind}",
                context=set_span_in_context(one.span),
                kind=SpanKind.CLIENT,
                attributes={"db.system.name": self._store, "grantd.requests": len(asking)},
                start_time=began,
            )
            if failed:
                mark_error(span, "unavailable")
            span.end(ended)

    def withheld(self, kind: TripKind, /) -> None:
        self._observer.withheld(kind)


def mark_error(span: Span, kind: str) -> None:
    """Say that this span went wrong, in one word."""
    span.set_attribute(_ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR))


def _tell_whose(span: Span) -> None:
    """Say of a request what its line in the log says, too."""
    record = current_record()
    if record is None:
        return
    span.set_attribute("grantd.request_id", record.request_id)
    span.set_attribute("client.address", record.address)
    if record.client_id:
        span.set_attribute("grantd.client_id", record.client_id)


def _context_of(fields: Callable[[str], Sequence[str]]) -> Mapping[str, list[str]]:
    """Collect a trace context (W3C Trace Context §3.2, §3.3).

    What is too long, or there twice, is left out here: the library would take
    the first of two, and say in the log what it thinks of a sender.
    """
    parent, state = list(fields("traceparent")), list(fields("tracestate"))
    if len(parent) != 1 or len(parent[0]) > _LONGEST_CONTEXT:
        return {}
    if not state or len(",".join(state)) > _LONGEST_CONTEXT:
        return {"traceparent": parent}
    return {"traceparent": parent, "tracestate": state}


class _Seldom(logging.Handler):
    """Passes on to our log what a library says, once a minute at most."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._quiet_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_SECONDS
            _log.warning("traces are not all kept: %s", record.getMessage())


def _speak_seldom(library: logging.Logger) -> None:
    library.handlers = [_Seldom()]
    library.propagate = False
