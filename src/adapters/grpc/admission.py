"""How much is taken on at once."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


class Admission:
    """Counts what is under way, against a limit.

    grpc's own bound (`maximum_concurrent_rpcs`) counts calls from their
    headers on, so that a few half-sent messages would fill it for good.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._streams = 0
        self._works: set[asyncio.Task[Any]] = set()

    @property
    def is_full(self) -> bool:
        return self._streams + len(self._works) >= self._limit

    async def carry_through(self, work: Coroutine[Any, Any, T]) -> T:
        """Do *work* to its end, and count it until then, even if its caller leaves meanwhile.

        A replay, say, ends its family whoever waits for the answer.
        """
        # `asyncio.shield` would do the same with twice the callbacks.
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def leave(task: asyncio.Task[T]) -> None:
            self._works.discard(task)
            if not ended.done():
                ended.set_result(None)
            elif not task.cancelled():
                task.exception()  # nobody is there to hear of it

        task = loop.create_task(work)
        self._works.add(task)
        task.add_done_callback(leave)
        await ended
        return task.result()

    async def settle(self, within: timedelta) -> None:
        """Wait for all work that was begun, and cancel what takes longer."""
        if self._works:
            _, overdue = await asyncio.wait(self._works, timeout=within.total_seconds())
            for task in overdue:
                task.cancel()

    def __enter__(self) -> None:
        self._streams += 1

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._streams -= 1
