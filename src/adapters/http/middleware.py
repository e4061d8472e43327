"""What every request passes before it is routed. Nothing here knows OAuth."""

from collections.abc import Callable
from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.request_record import (
    UNOBSERVED,
    Ending,
    RequestObserver,
    RequestRecord,
    begin_record,
)
from domain.errors import ContentTooLarge

MAX_BODY: Final = 64 * 1024

_LONGEST_LENGTH = len(str(MAX_BODY))


def request_id_of(scope: Scope) -> str:
    """Return the id that `RequestId` gave to a request."""
    request_id: str = scope["state"]["request_id"]
    return request_id


class RequestId:
    """Gives each request an id of our own making and returns it as `X-Request-Id`.

    An id that came with the request is not taken over: it could be anything.

    Args:
        requests: Is told of the request when its answer is out.
    """

    def __init__(
        self, app: ASGIApp, new_id: Callable[[], str], requests: RequestObserver = UNOBSERVED
    ) -> None:
        self._app = app
        self._new_id = new_id
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        header = (b"x-request-id", request_id.encode("latin-1"))
        peer = scope.get("client")
        record = begin_record(
            RequestRecord(request_id, "http", scope["method"], peer[0] if peer else "")
        )

        async def noted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message = {**message, "headers": [*message["headers"], header]}
            await send(message)

        self._requests.began()
        try:
            await self._app(scope, receive, noted_send)
        finally:
            if record.status == 0:
                record.outcome = Ending.CANCELLED
            self._requests.ended(record, seconds=perf_counter() - record.began)


class NoSniff:
    """Tells browsers to take every answer for what it says it is."""

    _HEADER = (b"x-content-type-options", b"nosniff")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], self._HEADER]}
            await send(message)

        await self._app(scope, receive, marked_send if scope["type"] == "http" else send)


class BodyLimit:
    """Refuses a body beyond 64 KiB while it is read, by its announced length if it has one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _limited(receive, announced_too_large=_announces_too_much(scope))
        await self._app(scope, receive, send)


def _limited(receive: Receive, *, announced_too_large: bool) -> Receive:
    taken = 0

    async def receive_within_limit() -> Message:
        nonlocal taken
        if announced_too_large:
            raise ContentTooLarge("announced")
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            raise ContentTooLarge("counted")
        return message

    return receive_within_limit


def _announces_too_much(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            digits = value.lstrip(b"0") or b"0"
            return len(digits) > _LONGEST_LENGTH or int(digits) > MAX_BODY
    return False
