"""The time that a caller has to send its message, which grpc does not bound.

Without it, calls that are opened and never asked anything stay as long as
their connection.
"""

import asyncio
from typing import Any, Final

import grpc

MESSAGE_WAIT: Final = 10.0  # seconds

Context = grpc.aio.ServicerContext[bytes, bytes]


class MessageDeadline:
    """Waits for the one message of a call, and gives up one that does not come.

    All that wait are watched by one timer, which costs a call next to nothing.
    """

    def __init__(self, *, wait: float = MESSAGE_WAIT) -> None:
        self._wait = wait
        self._waiting: dict[asyncio.Task[Any], float] = {}  # in the order of their deadlines
        self._overdue: set[asyncio.Task[Any]] = set()
        self._watch: asyncio.TimerHandle | None = None

    async def message(self, context: Context) -> bytes:
        """Return the message of a call whose method is one of streams to grpc.

        Raises:
            AbortError: If it does not come in time, or not at all.
        """
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
        if message is grpc.aio.EOF:  # type: ignore[comparison-overlap]  # its stubs leave it out
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
