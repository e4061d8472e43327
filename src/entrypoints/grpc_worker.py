"""A process that serves gRPC."""

import asyncio

import uvloop

from adapters.grpc.admin_clients import ClientService
from adapters.grpc.admin_keys import KeyService
from adapters.grpc.admin_resources import ResourceService
from adapters.grpc.calls import Trace, untraced
from adapters.grpc.server import OURS, Administration, GrpcServer
from adapters.grpc.tls import ServerTls
from adapters.grpc.token_service import TokenService
from adapters.readiness import Readiness
from adapters.server_certificate import ServerCertificate
from adapters.source_addresses import SourceAddresses
from entrypoints import worker
from entrypoints.container import Core
from entrypoints.followed_certificate import FollowedCertificate
from entrypoints.meters import meters, request_observer
from entrypoints.refusal import RefusedToStart
from entrypoints.setting_forms import Address
from entrypoints.settings import Settings


class GrpcListener:
    """Serves the gRPC surface of one core."""

    def __init__(
        self, settings: Settings, core: Core, readiness: Readiness, address: Address
    ) -> None:
        self._address = address
        self._grace = settings.shutdown_timeout
        self._stopped = asyncio.Event()
        self._sources = SourceAddresses(worker.proxy_trust(settings))
        self._tls: ServerTls | None = None
        self._certificate = FollowedCertificate(
            "grpc",
            settings,
            use=self._secure,
            clock=core.clock,
            observer=meters().certificates,
        )
        self._server = GrpcServer(
            TokenService(
                issue_token=core.issue_token,
                introspect_token=core.introspect_token,
                revoke_token=core.revoke_token,
                allow_credentials_in_message=settings.allow_credentials_in_request_body,
            ),
            _administration(core),
            readiness=readiness,
            entropy=core.entropy,
            sources=self._sources,
            requests=request_observer(settings),
            trace=_trace(core),
            tls=self._tls,
        )

    async def start(self) -> None:
        await self._server.start(str(self._address))
        self._certificate.follow()

    def reload(self, settings: Settings) -> None:
        self._certificate.reload(settings)
        self._sources.reload(worker.proxy_trust(settings))

    def _secure(self, certificate: ServerCertificate) -> None:
        if self._tls is None:
            self._tls = ServerTls(certificate)
        else:
            self._tls.use(certificate)

    async def drain(self) -> None:
        self._certificate.stop()
        await self._server.drain(self._grace)
        self._stopped.set()

    async def stopped(self) -> None:
        await self._stopped.wait()


def _administration(core: Core) -> Administration:
    return Administration(
        authorize=core.authorize_administration,
        clients=ClientService(core.administer_clients, core.administer_secrets, clock=core.clock),
        keys=KeyService(core.administer_keys, core.rotate_data_keys),
        resources=ResourceService(core.administer_catalogue),
    )


def _trace(core: Core) -> Trace:
    if core.tracing is None:
        return untraced
    from adapters.telemetry.traced_calls import TracedCalls  # noqa: PLC0415  (for who has it on)

    return TracedCalls(core.tracing, OURS).trace


def listen(settings: Settings, core: Core, readiness: Readiness) -> GrpcListener:
    if settings.grpc is None:
        raise RefusedToStart("gRPC is off")
    return GrpcListener(settings, core, readiness, settings.grpc)


def serve() -> None:
    """Serve until told to stop, and exit."""
    worker.run(listen, loop_factory=uvloop.new_event_loop)


if __name__ == "__main__":
    serve()
