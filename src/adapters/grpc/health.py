"""Health checking (`grpc.health.v1`).

The servicer of grpcio-health-checking is not used because its `Watch` never
ends: one watcher would hold every drain to the end of its grace.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable

import grpc
from grpc_health.v1.health_pb2 import DESCRIPTOR, HealthCheckRequest, HealthCheckResponse

from adapters.readiness import Readiness

SERVICE_NAME: str = DESCRIPTOR.services_by_name["Health"].full_name

_OVERALL = ""

Context = grpc.aio.ServicerContext[HealthCheckRequest, HealthCheckResponse]


class Health:
    """Tells of services, and of all together, whether they can do their work.

    Args:
        services: Those that work as long as this process is ready.

        steady: Those that need nothing but the process: as long as it answers,
            they serve.
    """

    def __init__(
        self, services: Iterable[str], *, steady: Iterable[str], readiness: Readiness
    ) -> None:
        self._services = frozenset({_OVERALL, *services})
        self._steady = frozenset(steady)
        self._readiness = readiness
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Let every watch end."""
        self._ended.set()

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
        if request.service in self._steady:
            return HealthCheckResponse(status=HealthCheckResponse.SERVING)
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return _response(is_ready=await self._readiness.is_ready())

    async def watch(
        self, request: HealthCheckRequest, _context: Context
    ) -> AsyncIterator[HealthCheckResponse]:
        if request.service in self._steady:
            yield HealthCheckResponse(status=HealthCheckResponse.SERVING)
        elif request.service in self._services:
            async for is_ready in self._readiness.changes():
                yield _response(is_ready=is_ready)
        else:
            yield HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        await self._ended.wait()


def _response(*, is_ready: bool) -> HealthCheckResponse:
    return HealthCheckResponse(
        status=HealthCheckResponse.SERVING if is_ready else HealthCheckResponse.NOT_SERVING
    )
