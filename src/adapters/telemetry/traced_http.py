"""The span of each HTTP request, by OpenTelemetry's conventions for HTTP servers."""

from collections.abc import Awaitable, Callable, Container, Sequence
from http import HTTPStatus
from typing import Final, Generic, Protocol, TypeVar

from adapters.request_record import bind_trace
from adapters.telemetry.tracing import Tracing, mark_error

_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_OTHER: Final = "_OTHER"


class HttpRequest(Protocol):
    """What a span tells of a request."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def scheme(self) -> str: ...

    def values(self, name: bytes, /) -> Sequence[bytes]: ...


class HttpReply(Protocol):
    """What it tells of the answer."""

    @property
    def status(self) -> int: ...


Q = TypeVar("Q", bound=HttpRequest)
R = TypeVar("R", bound=HttpReply)


class TracedHttp(Generic[Q, R]):
    """Makes a span of each request.

    Args:
        routes: Paths that lead somewhere. A span is named after one, and
            never after a path that does not.

        untraced: Paths without spans; probes would bury everything else.
    """

    def __init__(
        self,
        answer: Callable[[Q], Awaitable[R]],
        tracing: Tracing,
        *,
        routes: Container[str],
        untraced: Container[str],
    ) -> None:
        self._answer = answer
        self._tracing = tracing
        self._routes = routes
        self._untraced = untraced

    async def __call__(self, request: Q) -> R:
        path = request.path
        if path in self._untraced:
            bind_trace("", "")  # the request before this one may have left its own
            return await self._answer(request)
        method = request.method if request.method in _METHODS else _OTHER
        name = "HTTP" if method is _OTHER else method
        attributes = {
            "http.request.method": method,
            "url.scheme": request.scheme,
            "url.path": path,
        }
        if path in self._routes:
            name = f"{name} {path}"
            attributes["http.route"] = path
        with self._tracing.request(
            name,
            fields=lambda field: [
                value.decode("latin-1") for value in request.values(field.encode("ascii"))
            ],
            attributes=attributes,
        ) as span:
            reply = await self._answer(request)
            span.set_attribute("http.response.status_code", reply.status)
            if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                mark_error(span, str(reply.status))
            return reply
