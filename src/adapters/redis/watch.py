"""What is looked at again and again, and relied on for a while only."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from typing import Generic, TypeVar

from adapters.redis.failures import NoPrimary

T = TypeVar("T")


class Contradicted(NoPrimary):
    """What was seen last holds no longer."""


class Watch(Generic[T]):
    """Looks every so often, from the first question on.

    Args:
        look: Returns what there is; raises `NoPrimary` if that cannot be seen,
            and `Contradicted` if it is clear that it is not what it was.

        every: Seconds from one look to the next.

        lease: For how many seconds after a look began it is relied on.

        patience: How many seconds somebody waits for the next look, if the last is too old.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[T]],
        *,
        every: float,
        lease: float,
        patience: float,
    ) -> None:
        self._look = look
        self._every = every
        self._lease = lease
        self._patience = patience
        self._seen: T | None = None
        self._until = 0.0
        self._doubted_at = 0.0
        self._doubt = NoPrimary("nobody has looked yet")
        self._next: asyncio.Future[None] | None = None
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def last_seen(self) -> T | None:
        """What was seen last, however long ago."""
        return self._seen

    async def current(self) -> T:
        """Return what was seen lately, or else by a look that ends within our patience.

        Raises:
            NoPrimary: If nothing is.
        """
        loop = asyncio.get_running_loop()
        if self._seen is not None and loop.time() < self._until:
            return self._seen
        if self._next is None:
            self._next = loop.create_future()
        self.hurry()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await asyncio.shield(self._next)
        if self._seen is not None and loop.time() < self._until:
            return self._seen
        raise NoPrimary(str(self._doubt)) from self._doubt

    def hurry(self) -> None:
        """Have the next look begin at once."""
        self._wanted.set()
        if self._task is None or self._task.done():
            # Looking is no part of the request that happens to want it.
            self._task = asyncio.get_running_loop().create_task(
                self._go_on_looking(), context=Context()
            )

    def doubt(self) -> None:
        """Have nobody rely on what was seen until a look that begins now sees it again."""
        self._until = 0.0
        self._doubted_at = asyncio.get_running_loop().time()
        self.hurry()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _go_on_looking(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wanted.clear()
            began = loop.time()
            try:
                self._seen = await self._look()
                if began >= self._doubted_at:
                    self._until = began + self._lease
            except NoPrimary as doubt:
                self._doubt = doubt
                if isinstance(doubt, Contradicted):
                    self._until = 0.0
            if began >= self._doubted_at:
                self._tell_who_waits()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._wanted.wait()

    def _tell_who_waits(self) -> None:
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None
