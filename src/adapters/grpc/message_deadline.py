"""The time that a caller has to send its message, which grpc does not bound.

Without it, calls that are opened and never asked anything stay as long as
their connection.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias

import grpc

MESSAGE_WAIT: Final = 10.0  # seconds

# grpc leaves open what a method of any service takes and gives.
_Context = grpc.aio.ServicerContext[Any, Any]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not generic at run time


class MessageDeadline(grpc.aio.ServerInterceptor):
    """Reads the message of every method that takes one, and gives up one that does not come.

    It has to be the outermost: to grpc such a method is one of streams, so
    that the message can be waited for here.

    All that wait are watched by one timer, which costs a call next to nothing.
    """

    def __init__(self, *, wait: float = MESSAGE_WAIT) -> None:
        self._wait = wait
        self._waiting: dict[asyncio.Task[Any], float] = {}  # in the order of their deadlines
        self._overdue: set[asyncio.Task[Any]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._wrapped: dict[str, _Handler] = {}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None or handler.request_streaming:
                return handler
            self._wrapped[method] = self._wrap(handler)
        return self._wrapped[method]

    def _wrap(self, handler: _Handler) -> _Handler:
        behaviour: Any = handler.unary_unary or handler.unary_stream

        async def answer(_bodies: object, context: _Context) -> object:
            return await behaviour(await self._message(context), context)

        async def stream(_bodies: object, context: _Context) -> AsyncIterator[object]:
            async for response in behaviour(await self._message(context), context):
                yield response

        if inspect.isasyncgenfunction(behaviour):
            return grpc.stream_stream_rpc_method_handler(
                stream, handler.request_deserializer, handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )

    async def _message(self, context: _Context) -> object:
        task: asyncio.Task[Any] | None = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call is a task")
        loop = asyncio.get_running_loop()
        self._waiting[task] = loop.time() + self._wait
        if self._watch is None:
            self._watch = loop.call_later(self._wait, self._look)
        try:
            message = await context.read()
        except asyncio.CancelledError:
            if task in self._overdue:
                task.uncancel()
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "no message came in time")
            raise
        finally:
            del self._waiting[task]
            self._overdue.discard(task)
        if message is grpc.aio.EOF:
            # So says gRPC of a call with another number of messages than its method takes.
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no message came")
        return message

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._watch = None
        for task, deadline in self._waiting.items():
            if deadline > loop.time():
                self._watch = loop.call_at(deadline, self._look)
                return
            self._overdue.add(task)
            task.cancel()
