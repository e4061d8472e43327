"""A collector for OTLP over HTTP that keeps what it gets, and trees of spans."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

KINDS = {Span.SPAN_KIND_SERVER: "server", Span.SPAN_KIND_CLIENT: "client"}


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as it came in, with the resource that sent it."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    failed: bool
    began: int
    ended: int

    @classmethod
    def read(cls, span: Span, resource: Mapping[str, Any]) -> "ReceivedSpan":
        return cls(
            name=span.name,
            kind=KINDS.get(span.kind, "internal"),
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            attributes=_read(span.attributes),
            resource=resource,
            failed=span.status.code == Status.STATUS_CODE_ERROR,
            began=span.start_time_unix_nano,
            ended=span.end_time_unix_nano,
        )


class TraceReceiver:
    """What has come in at `url` so far."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1/traces"
        self.spans: list[ReceivedSpan] = []

    def take(self, body: bytes) -> None:
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _read(sent.resource.attributes)
            self.spans += [
                ReceivedSpan.read(span, resource)
                for scope in sent.scope_spans
                for span in scope.spans
            ]

    def trace(self, trace_id: str) -> list[ReceivedSpan]:
        found = [span for span in self.spans if span.trace_id == trace_id]
        return sorted(found, key=lambda span: span.began)

    def tree(self, trace_id: str, *, parent: str) -> dict[str, Any]:
        """Return the names of a trace's spans below *parent*, as nested dictionaries."""
        below = defaultdict(list)
        for span in self.trace(trace_id):
            below[span.parent_id].append(span)

        def descend(span_id: str) -> dict[str, Any]:
            return {span.name: descend(span.span_id) for span in below[span_id]}

        return descend(parent)


@contextmanager
def trace_receiver() -> Iterator[TraceReceiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = TraceReceiver(server.server_port)
    serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def _read(attributes: Any) -> Mapping[str, Any]:  # noqa: ANN401  (a repeated field)
    return {it.key: getattr(it.value, it.value.WhichOneof("value")) for it in attributes}
