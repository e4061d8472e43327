import asyncio
import gc
from collections.abc import Sequence

import pytest

from adapters.redis.gathering import Answer, Gathering, Value
from adapters.store_trips import Tally, begin_tally
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


def ask(gathering: Gathering, key: bytes) -> Answer[Value]:
    return gathering.ask(key, lambda value, _: value)


async def awaited(reading: Answer[Value]) -> Value:
    return await reading


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_asked_for_in_one_turn_is_one_trip(
    courier: Courier, gathering: Gathering
) -> None:
    """Each caller has its own answer, however many asked for the same."""
    answers = [ask(gathering, key) for key in (b"a", b"b", b"a")]

    assert [await answer for answer in answers] == [b"a", b"b", b"a"]
    assert courier.trips == [(b"a", b"b")]


async def test_a_question_joins_no_trip_that_has_set_out(
    courier: Courier, gathering: Gathering
) -> None:
    """Or it might miss a write that was acknowledged before it was asked."""
    courier.may_return.clear()
    before = ask(gathering, b"a")
    await settle()

    after = ask(gathering, b"a")
    await settle()

    assert courier.trips == [(b"a",), (b"a",)]
    courier.may_return.set()
    assert (await before, await after) == (b"a", b"a")


async def test_few_trips_are_under_way_at_once(courier: Courier, gathering: Gathering) -> None:
    """While enough are, questions of many turns wait for the next one together."""
    courier.may_return.clear()
    answers = []
    for number in range(50):
        answers.append(ask(gathering, b"%d" % number))
        await settle()
    assert len(courier.trips) == 2

    courier.may_return.set()
    assert [await answer for answer in answers] == [b"%d" % number for number in range(50)]
    assert len(courier.trips) == 3


async def test_a_cancelled_caller_takes_nobody_along(
    courier: Courier, gathering: Gathering
) -> None:
    """Not even whoever asked for the same, or awaits the same answer."""
    courier.may_return.clear()
    leaving, staying = [asyncio.create_task(awaited(ask(gathering, b"a"))) for _ in range(2)]
    await settle()

    leaving.cancel()
    courier.may_return.set()

    assert await staying == b"a"


async def test_each_caller_has_a_failure_of_its_own(courier: Courier, gathering: Gathering) -> None:
    """A shared exception would collect the tracebacks of all who raise it."""
    courier.failure = Unavailable("away")
    answers = [ask(gathering, b"a"), ask(gathering, b"a"), ask(gathering, b"b")]

    failures = await asyncio.gather(
        *(awaited(answer) for answer in (*answers, *answers)), return_exceptions=True
    )

    assert [str(failure) for failure in failures] == ["away"] * 6
    assert len(set(map(id, failures))) == 6
    assert all(isinstance(failure, Unavailable) for failure in failures)


async def test_a_failure_passes(courier: Courier, gathering: Gathering) -> None:
    """The next trip is as good as any."""
    courier.failure = Unavailable("away")
    with pytest.raises(Unavailable):
        await ask(gathering, b"a")

    courier.failure = None

    assert await ask(gathering, b"a") == b"a"


async def test_a_failure_that_nobody_awaits_makes_no_noise(
    courier: Courier, gathering: Gathering
) -> None:
    """A request that was refused early never awaits what it foresaw."""
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    courier.failure = Unavailable("away")
    unread = ask(gathering, b"a")

    await settle()
    del unread
    gc.collect()

    assert not heard


async def test_closing_waits_for_what_was_asked(courier: Courier, gathering: Gathering) -> None:
    """A process that drains answers its last requests."""
    answers = [asyncio.create_task(awaited(ask(gathering, b"a")))]
    await settle()
    answers.append(asyncio.create_task(awaited(ask(gathering, b"b"))))
    await settle()

    await gathering.close()
    await asyncio.sleep(0)

    assert all(answer.done() for answer in answers)
    assert len(courier.trips) == 2


async def test_a_reading_may_be_awaited_twice(gathering: Gathering) -> None:
    """It is decoded for whoever awaits it."""
    reading = gathering.ask(b"a", lambda value, about: (about, (value or b"").decode()), 1)

    assert (await reading, await reading) == ((1, "a"), (1, "a"))


async def test_waiters_of_one_answer_are_independent(
    courier: Courier, gathering: Gathering
) -> None:
    """One that leaves lets the other have it."""
    courier.may_return.clear()
    answer = ask(gathering, b"a")
    leaving, staying = [asyncio.create_task(awaited(answer)) for _ in range(2)]
    await settle()

    leaving.cancel()
    courier.may_return.set()

    assert await staying == b"a"
    assert await answer == b"a"


async def test_requests_that_take_turns_are_counted_once_each(
    courier: Courier, gathering: Gathering
) -> None:
    """However often each of them asks before the trip sets out."""

    async def request() -> int:
        begin_tally(tally := Tally())
        answers = []
        for _ in range(3):
            answers.append(ask(gathering, b"a"))
            await asyncio.sleep(0)
        courier.may_return.set()
        for answer in answers:
            await answer
        return tally.reads

    courier.may_return.clear()
    for _ in range(2):  # as many as may be under way
        ask(gathering, b"a")
        await settle()
    reads = await asyncio.gather(*(asyncio.create_task(request()) for _ in range(3)))

    assert len(courier.trips) == 3
    assert reads == [1, 1, 1]
