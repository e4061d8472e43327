"""The span of each HTTP request, by OpenTelemetry's conventions for HTTP servers."""

from collections.abc import Container
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.request_record import bind_trace
from adapters.telemetry.tracing import Tracing, mark_error

_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_OTHER: Final = "_OTHER"


class TracedHttp:
    """Makes a span of each request.

    Args:
        untraced: Paths without spans; probes would bury everything else.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing, *, untraced: Container[str]) -> None:
        self._app = app
        self._tracing = tracing
        self._untraced = untraced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._untraced:
            bind_trace("", "")  # the request before this one may have left its own
            await self._app(scope, receive, send)
            return
        status = 0

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        name = "HTTP" if method is _OTHER else method
        with self._tracing.request(
            name,
            fields=lambda field: _values(scope, field),
            attributes={
                "http.request.method": method,
                "url.scheme": scope["scheme"],
                "url.path": scope["path"],
            },
        ) as span:
            try:
                await self._app(scope, receive, watched_send)
            finally:
                if (route := scope["state"].get("route")) is not None:
                    span.update_name(f"{name} {route}")
                    span.set_attribute("http.route", route)
                if status:
                    span.set_attribute("http.response.status_code", status)
                if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    mark_error(span, str(status))


def _values(scope: Scope, field: str) -> list[str]:
    wanted = field.encode("ascii")
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
