"""A process that serves HTTP."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import uvicorn
import uvloop

from adapters.http.acceptor import Acceptor
from adapters.http.app import LIVENESS_PATH, READINESS_PATH, HttpOptions, build_app
from adapters.http.application import Application
from adapters.http.connection_counts import ConnectionCounts
from adapters.http.protocol import HttpProtocol
from adapters.http.request import Answers
from adapters.http.tls import server_context
from adapters.readiness import Readiness
from adapters.request_record import request_ids
from adapters.server_certificate import ServerCertificate
from adapters.source_addresses import SourceAddresses
from entrypoints import worker
from entrypoints.container import Core
from entrypoints.followed_certificate import FollowedCertificate
from entrypoints.meters import meters, request_observer
from entrypoints.ports import share
from entrypoints.refusal import RefusedToStart
from entrypoints.setting_forms import Address
from entrypoints.settings import Settings


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would cut the drain short.

    It takes connections itself: all that wait, and with the TLS context of the
    moment. That is how new connections get all of a new one, and those that
    are there stay with theirs.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepts_connections = asyncio.Event()
        self._tls: ssl.SSLContext | None = None
        self._acceptors: Sequence[Acceptor] = ()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        self._acceptors = [
            Acceptor(listening.dup(), self._protocol, self._tls) for listening in sockets or ()
        ]
        self.servers = list(self._acceptors)  # type: ignore[arg-type]  # uvicorn closes them, and no more
        self.accepts_connections.set()

    def secure(self, tls: ssl.SSLContext) -> None:
        """Take every new connection with this context."""
        self._tls = tls
        for acceptor in self._acceptors:
            acceptor.tls = tls

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(self.config, self.server_state, self.lifespan.state)


class HttpListener:
    """Serves the HTTP surface of one core."""

    def __init__(
        self, settings: Settings, core: Core, readiness: Readiness, address: Address
    ) -> None:
        self._sources = SourceAddresses(worker.proxy_trust(settings))
        self._address = address
        requests = request_observer(settings)
        app = build_app(
            issue_token=core.issue_token,
            introspect_token=core.introspect_token,
            revoke_token=core.revoke_token,
            catalogue=core.catalogue,
            key_set=core.key_set,
            clock=core.clock,
            readiness=readiness,
            requests=requests,
            sources=self._sources,
            options=HttpOptions(
                issuer=settings.issuer,
                grant_types=settings.grants,
                allow_credentials_in_request_body=settings.allow_credentials_in_request_body,
                jwks_max_age=settings.jwks_max_age,
            ),
        )
        answer = _traced(app, core)
        config = uvicorn.Config(
            answer,
            http=partial(  # type: ignore[arg-type]  # uvicorn only calls it
                HttpProtocol,
                answer=answer,
                new_id=request_ids(core.entropy),
                counts=ConnectionCounts(is_exempt=self._sources.trusts),
                requests=requests,
            ),
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            server_header=False,
            log_config=None,
            log_level="warning",
            proxy_headers=False,
            timeout_graceful_shutdown=int(settings.shutdown_timeout.total_seconds()),
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None
        self._certificate = FollowedCertificate(
            "http",
            settings,
            use=self._secure,
            clock=core.clock,
            observer=meters().certificates,
        )

    async def start(self) -> None:
        listening = share(self._address)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        accepting = asyncio.create_task(self._server.accepts_connections.wait())
        await asyncio.wait({accepting, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        accepting.cancel()
        self._certificate.follow()

    def reload(self, settings: Settings) -> None:
        self._certificate.reload(settings)
        self._sources.reload(worker.proxy_trust(settings))

    def _secure(self, certificate: ServerCertificate) -> None:
        self._server.secure(server_context(certificate))

    async def drain(self) -> None:
        self._certificate.stop()
        self._server.should_exit = True

    async def stopped(self) -> None:
        if self._serving is not None:
            await self._serving


def _traced(app: Application, core: Core) -> Answers:
    if core.tracing is None:
        return app
    from adapters.telemetry.traced_http import TracedHttp  # noqa: PLC0415  (for who has it on)

    return TracedHttp(
        app, core.tracing, routes=app.routes, untraced=(LIVENESS_PATH, READINESS_PATH)
    )


def listen(settings: Settings, core: Core, readiness: Readiness) -> HttpListener:
    if settings.http is None:
        raise RefusedToStart("HTTP is off")
    return HttpListener(settings, core, readiness, settings.http)


def serve() -> None:
    """Serve until told to stop, and exit."""
    worker.run(listen, loop_factory=uvloop.new_event_loop)


if __name__ == "__main__":
    serve()
