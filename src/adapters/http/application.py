"""What every request passes, whichever endpoint it is for. Nothing here knows OAuth."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from adapters.http.errors import refuse, render
from adapters.http.protocol import CLIENT_CERTIFICATE
from adapters.http.reply import Reply
from adapters.http.request import MAX_BODY, Request
from adapters.request_record import (
    UNOBSERVED,
    Ending,
    RequestObserver,
    RequestRecord,
    begin_record,
)
from adapters.request_record import Endpoint as Name
from adapters.source_addresses import SourceAddresses
from domain.errors import (
    ContentTooLarge,
    GrantdError,
    Internal,
    MethodNotAllowed,
    NotFound,
    Unavailable,
)
from domain.model.events import Origin

Endpoint = Callable[[Request], Awaitable[Reply]]

_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """What is at a path.

    Attributes:
        name: Of the endpoint, in records.

        methods: Those that are taken there.
    """

    path: str
    endpoint: Endpoint
    name: Name
    methods: tuple[str, ...]


class Application:
    """Gives each request an id and a record, has an endpoint answer it, and renders a refusal.

    An id that came with the request is not taken over: it could be anything.
    Paths are compared as text. A request's state has that of its route as `route`.

    Args:
        requests: Is told of each request when its answer is out.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        new_id: Callable[[], str],
        sources: SourceAddresses,
        requests: RequestObserver = UNOBSERVED,
    ) -> None:
        self._routes = {route.path: route for route in routes}
        self._new_id = new_id
        self._sources = sources
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        address = peer[0] if peer else ""
        if self._sources.has_proxies:
            address = self._source(address, scope["headers"])
        record = begin_record(RequestRecord(self._new_id(), "http", scope["method"], address))
        self._requests.began()
        try:
            reply = await self._answer(scope, receive, record)
            await send(_start(reply, record))
            await send({"type": "http.response.body", "body": reply.body})
        except _ClientLeft:
            record.outcome = Ending.CANCELLED
        except asyncio.CancelledError:
            if record.status == 0:
                # The drain's time is over; a client can tell that from a refusal and ask again.
                reply = render(Unavailable("cancelled at the end of the drain"), record)
                await send(_start(reply, record))
                await send({"type": "http.response.body", "body": reply.body})
            raise
        finally:
            self._requests.ended(record, seconds=perf_counter() - record.began)

    def _source(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return who sent a request that a proxy may have brought."""
        return self._sources.tell(
            peer,
            lambda wanted: [
                value.decode("latin-1") for name, value in headers if name == wanted.encode()
            ],
        )

    async def _answer(self, scope: Scope, receive: Receive, record: RequestRecord) -> Reply:
        """Return what an endpoint answers, or what is answered for it."""
        try:
            route = self._routes.get(scope["path"])
            if route is None:
                return render(NotFound(), record)
            state = scope.setdefault("state", {})
            state["route"] = route.path
            record.endpoint = route.name
            if record.method not in route.methods:
                allowed = (b"allow", ", ".join(route.methods).encode())
                return render(MethodNotAllowed(), record, fields=(allowed,))
            request = Request(
                scope["headers"],
                query=scope["query_string"],
                body=await _body(receive) if record.method == "POST" else b"",
                origin=Origin(
                    request_id=record.request_id,
                    protocol="http",
                    address=record.address,
                    client_certificate=state.get(CLIENT_CERTIFICATE),
                ),
                record=record,
            )
            return await route.endpoint(request)
        except GrantdError as refusal:
            return refuse(refusal, record)
        except _ClientLeft:
            raise
        except Exception:  # noqa: BLE001  (the last resort; it is logged)
            _log.exception("unexpected exception in request %s", record.request_id)
            return render(Internal(), record)


async def _body(receive: Receive) -> bytes:
    """Read a body, which our own server hands over in one piece.

    Raises:
        ContentTooLarge: If it is beyond 64 KiB.
        _ClientLeft: If it never came to its end.
    """
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientLeft
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise ContentTooLarge("counted")
        more = message.get("more_body", False)
    return body


def _start(reply: Reply, record: RequestRecord) -> Message:
    """Return the start of an answer, which is the record's from then on."""
    record.status = reply.status
    headers = [
        *reply.fields,
        _NO_SNIFF,
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-request-id", record.request_id.encode("ascii")),
    ]
    return {"type": "http.response.start", "status": reply.status, "headers": headers}


class _ClientLeft(Exception):
    """Nobody is left to answer."""
