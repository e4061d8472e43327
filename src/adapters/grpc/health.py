"""Health checking (`grpc.health.v1`): serving, until the server drains.

The servicer of grpcio-health-checking is not used because its `Watch` never
ends: one watcher would hold every drain to the end of its grace.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable

import grpc
from grpc_health.v1.health_pb2 import DESCRIPTOR, HealthCheckRequest, HealthCheckResponse

SERVICE_NAME: str = DESCRIPTOR.services_by_name["Health"].full_name

_OVERALL = ""

Context = grpc.aio.ServicerContext[HealthCheckRequest, HealthCheckResponse]


class Health:
    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset({_OVERALL, *services})
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """Tell everybody, for good, that nothing is served here any more."""
        self._draining.set()

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    self.check,
                    HealthCheckRequest.FromString,
                    HealthCheckResponse.SerializeToString,
                ),
                "Watch": grpc.unary_stream_rpc_method_handler(
                    self.watch,
                    HealthCheckRequest.FromString,
                    HealthCheckResponse.SerializeToString,
                ),
            },
        )

    async def check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return HealthCheckResponse(status=self._status())

    async def watch(
        self, request: HealthCheckRequest, _context: Context
    ) -> AsyncIterator[HealthCheckResponse]:
        if request.service not in self._services:
            yield HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
            await self._draining.wait()
            return
        if not self._draining.is_set():
            yield HealthCheckResponse(status=HealthCheckResponse.SERVING)
            await self._draining.wait()
        yield HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING)

    def _status(self) -> int:
        if self._draining.is_set():
            return HealthCheckResponse.NOT_SERVING
        return HealthCheckResponse.SERVING
