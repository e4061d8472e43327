"""The span of each gRPC call, by OpenTelemetry's conventions for RPC servers."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

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

# grpc leaves open what a method of any service takes and gives.
_Context = grpc.aio.ServicerContext[Any, Any]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not generic at run time


class TracedCalls(grpc.aio.ServerInterceptor):
    """Makes a span of each call that is answered once, and of no stream.

    Args:
        services: Whose calls; checks of health would bury everything else.
    """

    def __init__(self, tracing: Tracing, services: Sequence[str]) -> None:
        self._tracing = tracing
        self._prefixes = tuple(f"/{service}/" for service in services)
        self._wrapped: dict[str, _Handler] = {}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None or not method.startswith(self._prefixes):
                return handler
            self._wrapped[method] = self._wrap(handler, method.removeprefix("/"))
        return self._wrapped[method]

    def _wrap(self, handler: _Handler, method: str) -> _Handler:
        behaviour: Any = handler.unary_unary

        async def answer(body: object, context: _Context) -> object:
            metadata = context.invocation_metadata() or ()
            with self._tracing.request(
                method,
                fields=lambda name: [str(value) for key, value in metadata if key == name],
                attributes={"rpc.system.name": "grpc", "rpc.method": method},
            ) as span:
                code = grpc.StatusCode.CANCELLED
                try:
                    reply = await behaviour(body, context)
                    code = grpc.StatusCode.OK
                except grpc.aio.AbortError:
                    code = context.code()
                    raise
                finally:
                    span.set_attribute("rpc.response.status_code", code.name)
                    if code in _OWN_FAILURES:
                        mark_error(span, code.name)
                return reply

        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )
