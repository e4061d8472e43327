"""What every request passes, whichever endpoint it is for. Nothing here knows OAuth."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from time import perf_counter

from adapters.http.errors import refuse, render
from adapters.http.reply import Reply
from adapters.http.request import Request
from adapters.request_record import (
    UNOBSERVED,
    RequestObserver,
    RequestRecord,
    begin_record,
)
from adapters.request_record import Endpoint as Name
from adapters.source_addresses import SourceAddresses
from domain.errors import GrantdError, Internal, MethodNotAllowed, NotFound, Unavailable
from domain.model.events import Origin

Endpoint = Callable[[Request, Origin], Awaitable[Reply]]

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
    """Keeps a record of each request, has an endpoint answer it, and renders a refusal.

    Paths are compared as text.

    Args:
        requests: Is told of each request when its answer is made.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        sources: SourceAddresses,
        requests: RequestObserver = UNOBSERVED,
    ) -> None:
        self.routes = {route.path: route for route in routes}
        self._sources = sources
        self._requests = requests

    async def __call__(self, request: Request) -> Reply:
        address = request.peer.address
        if self._sources.has_proxies:
            address = self._source(request)
        record = begin_record(RequestRecord(request.request_id, "http", request.method, address))
        self._requests.began()
        try:
            reply = await self._answer(request, record)
        except GrantdError as refusal:
            reply = refuse(refusal, record)
        except asyncio.CancelledError:
            # The drain's time is over; a client can tell that from a refusal and ask again.
            reply = render(Unavailable("cancelled at the end of the drain"), record)
        except Exception:  # noqa: BLE001  (the last resort; it is logged)
            _log.exception("unexpected exception in request %s", request.request_id)
            reply = render(Internal(), record)
        record.status = reply.status
        self._requests.ended(record, seconds=perf_counter() - record.began)
        return reply

    def _source(self, request: Request) -> str:
        """Return who sent a request that a proxy may have brought."""
        return self._sources.tell(
            request.peer.address,
            lambda wanted: [value.decode("latin-1") for value in request.values(wanted.encode())],
        )

    def _answer(self, request: Request, record: RequestRecord) -> Awaitable[Reply]:
        """Have the endpoint answer that a request is for."""
        route = self.routes.get(request.path)
        if route is None:
            raise NotFound
        record.endpoint = route.name
        if request.method not in route.methods:
            return _refuse_method(route, record)
        origin = Origin(
            request_id=request.request_id,
            protocol="http",
            address=record.address,
            client_certificate=request.peer.certificate,
        )
        return route.endpoint(request, origin)


async def _refuse_method(route: Route, record: RequestRecord) -> Reply:
    allowed = (b"allow", ", ".join(route.methods).encode())
    return render(MethodNotAllowed(), record, fields=(allowed,))
