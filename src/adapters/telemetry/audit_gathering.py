"""Audit entries that set out together for a place that takes a round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Final

from adapters.audit_lines import Entry
from adapters.store_trips import count_step
from domain.errors import Unavailable

MOST_WAITING: Final = 10_000
_LARGEST_STEP: Final = 200


class Gathering:
    """Writes in order, one step at a time.

    Args:
        step: Writes entries, or raises and takes care of what is lost.

        full: Is told of what finds no room.

        waits: Whether a writer hears how it ended.
    """

    def __init__(
        self,
        step: Callable[[Sequence[Entry]], Awaitable[None]],
        *,
        full: Callable[[int, Exception], None],
        waits: bool,
    ) -> None:
        self._step = step
        self._full = full
        self._waits = waits
        self._waiting: list[tuple[Entry, asyncio.Future[None] | None]] = []
        self._under_way: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Take an entry along with the next step.

        Raises:
            Exception: If *waits* and the step fails, what it raised.
            Unavailable: If too many are waiting already.
        """
        if len(self._waiting) >= MOST_WAITING:
            error = Unavailable(f"{MOST_WAITING} events wait already")
            self._full(1, error)
            raise error
        loop = asyncio.get_running_loop()
        written = loop.create_future() if self._waits else None
        self._waiting.append((entry, written))
        if self._under_way is None:
            self._under_way = loop.create_task(self._carry(), context=Context())
        if written is not None:
            count_step()
            await written

    async def close(self) -> None:
        """Wait for all that was taken."""
        if self._under_way is not None:
            await self._under_way

    async def _carry(self) -> None:
        while self._waiting:
            taken = self._waiting[:_LARGEST_STEP]
            del self._waiting[:_LARGEST_STEP]
            failure: Exception | None = None
            try:
                await self._step([entry for entry, _ in taken])
            except Exception as error:  # noqa: BLE001  (whoever waits gets it, whatever it is)
                failure = error
            for _, written in taken:
                if written is not None and not written.done():
                    if failure is None:
                        written.set_result(None)
                    else:
                        written.set_exception(failure)
        self._under_way = None
