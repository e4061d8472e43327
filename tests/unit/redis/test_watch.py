import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.redis.failures import NoPrimary
from adapters.redis.watch import Contradicted, Watch
from support.polling import until

_LONG = 60.0


class Sight:
    """What there is to be seen, or why it is not."""

    def __init__(self) -> None:
        self.there: str | NoPrimary = "first"
        self.looks = 0

    async def looked_again(self) -> None:
        """Wait until a look has begun and ended from here on."""
        enough = self.looks + 2

        async def are_enough() -> bool:
            return self.looks >= enough

        await until(are_enough)

    async def look(self) -> str:
        self.looks += 1
        await asyncio.sleep(0)
        if isinstance(self.there, NoPrimary):
            raise self.there
        return self.there


@asynccontextmanager
async def watching(
    sight: Sight, *, every: float = _LONG, lease: float = _LONG, patience: float = 0.2
) -> AsyncIterator[Watch[str]]:
    watch = Watch(sight.look, every=every, lease=lease, patience=patience)
    yield watch
    await watch.close()


async def test_nobody_looks_before_somebody_asks() -> None:
    """And all who ask in one moment share a look."""
    sight = Sight()
    async with watching(sight) as watch:
        await asyncio.sleep(0)
        assert sight.looks == 0

        assert await asyncio.gather(*(watch.current() for _ in range(10))) == ["first"] * 10
        assert sight.looks == 1


async def test_what_was_seen_is_relied_on_for_a_while_only() -> None:
    """A look that fails ends nothing by itself; the time that passes does."""
    sight = Sight()
    async with watching(sight, every=0.001, lease=0.2) as watch:
        assert await watch.current() == "first"
        sight.there = NoPrimary("too few answer")
        await sight.looked_again()
        assert await watch.current() == "first"

        await asyncio.sleep(0.25)
        with pytest.raises(NoPrimary, match="too few answer"):
            await watch.current()


async def test_what_is_contradicted_is_relied_on_no_more() -> None:
    """However fresh it is."""
    sight = Sight()
    async with watching(sight, every=0.001) as watch:
        assert await watch.current() == "first"
        sight.there = Contradicted("it is being replaced")
        await sight.looked_again()

        with pytest.raises(NoPrimary, match="being replaced"):
            await watch.current()
        sight.there = "second"
        assert await watch.current() == "second"


async def test_what_is_doubted_has_to_be_seen_again() -> None:
    """By a look that begins afterwards."""
    sight = Sight()
    async with watching(sight) as watch:
        assert await watch.current() == "first"
        sight.there = "second"
        assert await watch.current() == "first"

        watch.doubt()
        assert await watch.current() == "second"
        assert sight.looks == 2


async def test_who_waits_for_a_look_waits_no_longer_than_told() -> None:
    """A look may take for ever."""

    async def look() -> str:
        await asyncio.Event().wait()
        return "never"

    watch = Watch(look, every=_LONG, lease=_LONG, patience=0.05)
    with pytest.raises(NoPrimary):
        await watch.current()
    await watch.close()
