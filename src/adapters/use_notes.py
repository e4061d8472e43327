"""Notes of use on their way to a store, for every store alike."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Final

from domain.errors import Unavailable
from domain.model.identifiers import ClientId
from domain.model.usage import Use, UseKind

_SOON_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 2.0
_MOST_WAITING: Final = 20_000


class UseNotes:
    """Collects uses and hands them over in batches, one after the other.

    What a store cannot take is lost: it will be used again, or nobody misses
    it.

    Args:
        write: Writes a batch, or raises `Unavailable`.
    """

    def __init__(self, write: Callable[[Sequence[Use]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: dict[tuple[ClientId, UseKind, str], Use] = {}
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, uses: Iterable[Use]) -> None:
        """Take uses, as many as there is room for."""
        for use in uses:
            key = (use.client_id, use.kind, use.name)
            if key in self._waiting or len(self._waiting) < _MOST_WAITING:
                self._waiting[key] = use
        if self._waiting and (self._task is None or self._task.done()):
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._carry(), context=Context())  # no request waits

    async def close(self) -> None:
        """Write what waits, and wait no longer than a moment for it."""
        self._closing.set()
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._task

    async def _carry(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SOON_SECONDS):
                    await self._closing.wait()
            batch, self._waiting = list(self._waiting.values()), {}
            with suppress(Unavailable):
                await self._write(batch)
