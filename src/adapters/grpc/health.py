"""Health checking (`grpc.health.v1`).

The servicer of grpcio-health-checking is not used because its `Watch` never
ends: one watcher would hold every drain to the end of its grace.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

import grpc
from google.protobuf import descriptor_pool
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from adapters.grpc.errors import CallEnded
from adapters.grpc.service_methods import Call, Method, methods_of
from adapters.readiness import Readiness
from adapters.request_record import Ending

SERVICE: Final = descriptor_pool.Default().FindServiceByName("grpc.health.v1.Health")

_OVERALL = ""


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

    def methods(self) -> Iterator[Method]:
        return methods_of(SERVICE, {"Check": self.check, "Watch": self.watch})

    async def check(self, request: HealthCheckRequest, _call: Call) -> HealthCheckResponse:
        if request.service in self._steady:
            return HealthCheckResponse(status=HealthCheckResponse.SERVING)
        if request.service not in self._services:
            raise CallEnded(grpc.StatusCode.NOT_FOUND, Ending.NOT_FOUND)
        return _response(is_ready=await self._readiness.is_ready())

    async def watch(
        self, request: HealthCheckRequest, _call: Call
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
