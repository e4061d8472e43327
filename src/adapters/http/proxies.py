"""The source of a request behind proxies takes the place of its peer."""

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.forwarded_addresses import ProxyHeader
from adapters.source_addresses import SourceAddresses


class BehindProxies:
    """Lets whatever is inside see who sent a request, and not which proxy brought it."""

    def __init__(self, app: ASGIApp, sources: SourceAddresses) -> None:
        self._app = app
        self._sources = sources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client"):
            peer, port = scope["client"]

            def read(header: ProxyHeader) -> list[str]:
                wanted = header.encode()
                return [
                    value.decode("latin-1") for name, value in scope["headers"] if name == wanted
                ]

            source = self._sources.tell(peer, read)
            if source != peer:
                scope = {**scope, "client": (source, port)}
        await self._app(scope, receive, send)
