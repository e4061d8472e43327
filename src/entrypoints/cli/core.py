"""The core in this process, for commands that need no running server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from entrypoints.cli.exits import refusals
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core

T = TypeVar("T")


def with_core(settings: Settings, work: "Callable[[Core], Awaitable[T]]") -> T:
    """Open the core, do *work* with it, and close it.

    Raises:
        Refused: If the keys or the store do not fit the settings.
        Unavailable: If the store is down.
    """
    # Here and not above, because it brings every adapter along and most commands need none.
    from entrypoints.container import open_core  # noqa: PLC0415

    async def run() -> T:
        async with open_core(settings) as core:
            return await work(core)

    with refusals():
        return asyncio.run(run())
