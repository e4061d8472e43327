"""The span of each gRPC call, by OpenTelemetry's conventions for RPC servers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import grpc

from adapters.telemetry.tracing import Tracing, mark_error

# What a server answers for; every other code is the caller's doing.
_OWN_FAILURES: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)

_Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]
_Context = grpc.aio.ServicerContext[bytes, bytes]
_Answer: TypeAlias = Callable[[bytes, _Metadata, _Context], Awaitable[bytes]]


class TracedCalls:
    """Makes a span of each call that is answered once, and of no stream.

    Args:
        services: Whose calls; checks of health would bury everything else.
    """

    def __init__(self, tracing: Tracing, services: Sequence[str]) -> None:
        self._tracing = tracing
        self._prefixes = tuple(f"/{service}/" for service in services)

    def trace(self, path: str, answer: _Answer) -> _Answer:
        """Return what answers the calls of *path* within their spans."""
        if not path.startswith(self._prefixes):
            return answer
        method = path.removeprefix("/")

        async def traced(body: bytes, metadata: _Metadata, context: _Context) -> bytes:
            with self._tracing.request(
                method,
                fields=lambda name: [str(value) for key, value in metadata if key == name],
                attributes={"rpc.system.name": "grpc", "rpc.method": method},
            ) as span:
                code = grpc.StatusCode.CANCELLED
                try:
                    reply = await answer(body, metadata, context)
                    code = grpc.StatusCode.OK
                except grpc.aio.AbortError:
                    code = context.code()
                    raise
                finally:
                    span.set_attribute("rpc.response.status_code", code.name)
                    if code in _OWN_FAILURES:
                        mark_error(span, code.name)
                return reply

        return traced
