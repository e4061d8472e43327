import asyncio
import gc
from collections.abc import Sequence

import pytest

from adapters.redis.gathering import Decoded, Gathering, Value
from domain.errors import Unavailable


class Courier:
    """Fetches keys as values, when it is let, and remembers each trip."""

    def __init__(self) -> None:
        self.trips: list[tuple[bytes, ...]] = []
        self.may_return = asyncio.Event()
        self.may_return.set()
        self.failure: Exception | None = None

    async def fetch(self, keys: Sequence[bytes]) -> Sequence[Value]:
        self.trips.append(tuple(keys))
        await self.may_return.wait()
        if self.failure is not None:
            raise self.failure
        return tuple(keys)


@pytest.fixture
def courier() -> Courier:
    return Courier()


@pytest.fixture
def gathering(courier: Courier) -> Gathering:
    return Gathering(courier.fetch)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_asked_for_in_one_turn_is_one_trip(
    courier: Courier, gathering: Gathering
) -> None:
    """Each caller has its own answer, however many asked for the same."""
    answers = [gathering.get(key) for key in (b"a", b"b", b"a")]

    assert [await answer for answer in answers] == [b"a", b"b", b"a"]
    assert courier.trips == [(b"a", b"b")]


async def test_a_question_joins_no_trip_that_has_set_out(
    courier: Courier, gathering: Gathering
) -> None:
    """Or it might miss a write that was acknowledged before it was asked."""
    courier.may_return.clear()
    before = gathering.get(b"a")
    await settle()

    after = gathering.get(b"a")
    await settle()

    assert courier.trips == [(b"a",), (b"a",)]
    courier.may_return.set()
    assert (await before, await after) == (b"a", b"a")


async def test_few_trips_are_under_way_at_once(courier: Courier, gathering: Gathering) -> None:
    """While enough are, questions of many turns wait for the next one together."""
    courier.may_return.clear()
    answers = []
    for number in range(50):
        answers.append(gathering.get(b"%d" % number))
        await settle()
    assert len(courier.trips) == 2

    courier.may_return.set()
    assert [await answer for answer in answers] == [b"%d" % number for number in range(50)]
    assert len(courier.trips) == 3


async def test_a_cancelled_caller_takes_nobody_along(
    courier: Courier, gathering: Gathering
) -> None:
    """Not even whoever asked for the same."""
    courier.may_return.clear()
    leaving, staying = gathering.get(b"a"), gathering.get(b"a")
    await settle()

    leaving.cancel()
    courier.may_return.set()

    assert await staying == b"a"


async def test_each_caller_has_a_failure_of_its_own(courier: Courier, gathering: Gathering) -> None:
    """A shared exception would collect the tracebacks of all who raise it."""
    courier.failure = Unavailable("away")
    answers = [gathering.get(b"a"), gathering.get(b"a"), gathering.get(b"b")]

    failures = await asyncio.gather(*answers, return_exceptions=True)

    assert [str(failure) for failure in failures] == ["away"] * 3
    assert len(set(map(id, failures))) == 3
    assert all(isinstance(failure, Unavailable) for failure in failures)


async def test_a_failure_passes(courier: Courier, gathering: Gathering) -> None:
    """The next trip is as good as any."""
    courier.failure = Unavailable("away")
    with pytest.raises(Unavailable):
        await gathering.get(b"a")

    courier.failure = None

    assert await gathering.get(b"a") == b"a"


async def test_a_failure_that_nobody_awaits_makes_no_noise(
    courier: Courier, gathering: Gathering
) -> None:
    """A request that was refused early never awaits what it foresaw."""
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    courier.failure = Unavailable("away")
    unread = gathering.get(b"a")

    await settle()
    del unread
    gc.collect()

    assert not heard


async def test_closing_waits_for_what_was_asked(courier: Courier, gathering: Gathering) -> None:
    """A process that drains answers its last requests."""
    answers = [gathering.get(b"a")]
    await settle()
    answers.append(gathering.get(b"b"))

    await gathering.close()

    assert all(answer.done() for answer in answers)
    assert len(courier.trips) == 2


async def test_a_reading_may_be_awaited_twice(gathering: Gathering) -> None:
    """It is decoded for whoever awaits it."""
    reading = Decoded(gathering.get(b"a"), lambda value: (value or b"").decode())

    assert (await reading, await reading) == ("a", "a")
