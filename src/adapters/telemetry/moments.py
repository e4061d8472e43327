"""Doing at once what would cost too much for each request."""

import asyncio
from collections.abc import Callable
from typing import Final

MOMENT: Final = 0.005  # in it a busy worker answers fifty requests


class OncePerMoment:
    """Acts as soon as this turn of the event loop is over, but no sooner than a moment later again.

    So the first of many is acted on at once, and all that come in the moment
    after it together.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._is_asked = False
        self._rests_until = 0.0

    def ask(self) -> None:
        """Have it act once more, on what is there by then."""
        if self._is_asked:
            return
        self._is_asked = True
        loop = asyncio.get_running_loop()
        rest = self._rests_until - loop.time()
        if rest > 0:
            loop.call_later(rest, self._act_now)
        else:
            loop.call_soon(self._act_now)

    def _act_now(self) -> None:
        self._is_asked = False
        self._rests_until = asyncio.get_running_loop().time() + MOMENT
        self._act()


async def a_moment_later() -> None:
    """Return when all that was asked for so far has been acted on."""
    await asyncio.sleep(MOMENT)
