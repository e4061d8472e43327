"""The gRPC server: its services, its limits, its beginning and its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import grpc
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection

from adapters.grpc import admin_clients, admin_keys, admin_resources, health, token_service
from adapters.grpc.admin_clients import ClientService
from adapters.grpc.admin_keys import KeyService
from adapters.grpc.admin_resources import ResourceService
from adapters.grpc.authorization import Authorize
from adapters.grpc.calls import MAX_CALLS, Calls, Trace, untraced
from adapters.grpc.health import Health
from adapters.grpc.message_deadline import MESSAGE_WAIT
from adapters.grpc.service_methods import Method, methods_of
from adapters.grpc.tls import ServerTls
from adapters.grpc.token_service import TokenService
from adapters.readiness import Readiness
from adapters.request_record import UNOBSERVED, RequestObserver
from adapters.source_addresses import SourceAddresses
from domain.ports.entropy import Entropy

OURS: Final = (
    token_service.SERVICE.full_name,
    admin_clients.SERVICE.full_name,
    admin_keys.SERVICE.full_name,
    admin_resources.SERVICE.full_name,
)

_REFLECTION: Final = descriptor_pool.Default().FindServiceByName(reflection.SERVICE_NAME)

_STEADY: Final = (health.SERVICE.full_name, _REFLECTION.full_name)

SERVICE_NAMES: Final = (*OURS, *_STEADY)

MAX_MESSAGE_BYTES: Final = 64 * 1024
MAX_METADATA_BYTES: Final = 32 * 1024
MAX_STREAMS_PER_CONNECTION: Final = 100
MAX_CONNECTIONS: Final = 12_000

# What a store may still take for work whose caller has left.
_CARRY_THROUGH: Final = timedelta(seconds=3)

_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.so_reuseport", 1),  # the workers of one supervisor share a port
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Between the two gRPC would refuse at random.
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.max_concurrent_streams", MAX_STREAMS_PER_CONNECTION),
    ("grpc.max_allowed_incoming_connections", MAX_CONNECTIONS),
    # Clients may ask every 10 seconds whether the connection lives; the third
    # that is sooner ends it.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 5 * 60_000),
    # Connections spread over new workers; a call may outlive its own by the grace.
    ("grpc.max_connection_age_ms", 30 * 60_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """The services of `grantd.admin.v1`, and what judges who may call them."""

    authorize: Authorize
    clients: ClientService
    keys: KeyService
    resources: ResourceService

    def methods(self) -> Iterator[Method]:
        for service in (self.clients, self.keys, self.resources):
            yield from service.methods()


class GrpcServer:
    """Serves on one address until it is drained.

    It has to be made on the event loop that will run it.
    """

    def __init__(
        self,
        tokens: TokenService,
        administration: Administration,
        *,
        readiness: Readiness,
        entropy: Entropy,
        sources: SourceAddresses,
        tls: ServerTls | None = None,
        requests: RequestObserver = UNOBSERVED,
        max_calls: int = MAX_CALLS,
        message_wait: float = MESSAGE_WAIT,
        trace: Trace = untraced,
    ) -> None:
        self._tls = tls
        self._health = Health(OURS, steady=_STEADY, readiness=readiness)
        self._calls = Calls(
            (
                *tokens.methods(),
                *administration.methods(),
                *self._health.methods(),
                *_reflection_methods(),
            ),
            entropy,
            authorize=administration.authorize,
            sources=sources,
            verifies_clients=tls is not None and tls.requires_clients,
            requests=requests,
            calls=max_calls,
            message_wait=message_wait,
            trace=trace,
        )
        self._server = grpc.aio.server(handlers=(self._calls,), options=_OPTIONS)

    async def start(self, address: str) -> int:
        """Listen on *address* (`HOST:PORT`) and return the port, chosen here if it was 0.

        Raises:
            RuntimeError: If the address cannot be bound.
        """
        if self._tls is None:
            port = self._server.add_insecure_port(address)
        else:
            port = self._server.add_secure_port(address, self._tls.credentials)
        await self._server.start()
        return port

    async def drain(self, grace: timedelta) -> None:
        """Stop serving: watches of health end, new calls are refused, and connections told.

        Calls in flight end with *grace*, but what was begun for a caller that
        has left is carried through.
        """
        self._health.end()
        await self._server.stop(grace.total_seconds())
        await self._calls.settle(_CARRY_THROUGH)


def _reflection_methods() -> Iterator[Method]:
    servicer = reflection.aio.ReflectionServicer(SERVICE_NAMES)
    return methods_of(_REFLECTION, {"ServerReflectionInfo": servicer.ServerReflectionInfo})
