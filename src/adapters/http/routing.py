"""Routes by exact path."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from adapters.request_record import Endpoint as EndpointName
from adapters.request_record import current_record

Endpoint = Callable[[Request], Awaitable[Response]]


class ExactRoute(BaseRoute):
    """One path, compared as text, and the methods that are taken there.

    The request's state has it as `route`.

    Starlette's own pattern ends in `$`, which lets a path with a newline at
    its end pass for the path without.
    """

    def __init__(
        self, path: str, endpoint: Endpoint, *, name: EndpointName, methods: tuple[str, ...]
    ) -> None:
        self._path = path
        self._name = name
        self._endpoint = endpoint
        self._methods = methods

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and scope["path"] == self._path:
            return Match.FULL, {}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["route"] = self._path
        if (record := current_record()) is not None:
            record.endpoint = self._name
        if scope["method"] not in self._methods:
            raise HTTPException(405, headers={"Allow": ", ".join(self._methods)})
        response = await self._endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
