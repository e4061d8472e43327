"""Waiting for what is seen from outside only."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE = 0.02


def wait_until(holds: Callable[[], object], *, within: float = 15.0) -> None:
    """Return as soon as *holds* does.

    Raises:
        AssertionError: If it does not in so many seconds.
    """
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within:g} seconds"
        time.sleep(_PAUSE)


async def until(holds: Callable[[], Awaitable[bool]], *, within: float = 15.0) -> None:
    """Return as soon as *holds* does.

    Raises:
        AssertionError: If it does not in so many seconds.
    """
    deadline = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < deadline, f"not within {within:g} seconds"
        await asyncio.sleep(_PAUSE)
