"""Reads that set out together (D2).

Whatever is asked for in one turn of the event loop goes to Redis in one
round trip; while enough round trips are under way, further questions wait
for the next one together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Generator, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from adapters.store_trips import SharedTrip, Tally, waiting
from domain.errors import Unavailable

T = TypeVar("T")

Value = bytes | None
Fetch = Callable[[Sequence[bytes]], Awaitable[Sequence[Value]]]

# One at a time makes the largest trips; the second keeps a slow one from holding everybody.
_UNDER_WAY_AT_ONCE: Final = 2


class Gathering:
    """Gathers reads of single keys into round trips.

    A read that begins after a write was acknowledged sees it: no question
    ever joins a round trip that has set out already.

    Args:
        fetch: Reads any number of keys in one round trip, or raises `Unavailable`.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._next = _Trip()
        self._departing = False
        self._under_way: set[asyncio.Task[None]] = set()

    def ask(
        self, key: bytes, decode: Callable[[Value, Any], T], about: object = None
    ) -> "Answer[T]":
        """Begin to read *key*; a failure is raised where the answer is awaited.

        Args:
            decode: Makes the answer of what the key holds, and of *about*.
        """
        trip = self._next
        if (whom := waiting()) is not trip.last_joined:
            self._join(trip, whom)
        keys = trip.keys
        return Answer(trip, keys.setdefault(key, len(keys)), decode, about)

    async def close(self) -> None:
        """Wait for what is under way, and for what waits for it."""
        while self._next.keys or self._under_way:
            if self._under_way:
                await asyncio.wait(self._under_way)
            await asyncio.sleep(0)  # whoever waits departs in this turn

    def _join(self, trip: "_Trip", whom: Collection[Tally]) -> None:
        if trip.last_joined is None:
            self._depart_soon()
        trip.last_joined = whom
        trip.shared.join(whom)

    def _depart_soon(self) -> None:
        if not self._departing and len(self._under_way) < _UNDER_WAY_AT_ONCE:
            self._departing = True
            asyncio.get_running_loop().call_soon(self._depart)

    def _depart(self) -> None:
        self._departing = False
        trip, self._next = self._next, _Trip()
        task = asyncio.get_running_loop().create_task(
            self._travel(trip), context=trip.shared.context()
        )
        self._under_way.add(task)
        task.add_done_callback(self._arrived)

    def _arrived(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if self._next.keys:
            self._depart_soon()

    async def _travel(self, trip: "_Trip") -> None:
        try:
            trip.values = await self._fetch(tuple(trip.keys))
        except BaseException as failure:
            trip.failure = failure
            if not isinstance(failure, Unavailable):
                raise
        finally:
            trip.wake_everybody()


class Ask(Protocol):
    """What begins a read of a key; see `Gathering.ask`."""

    def __call__(
        self, key: bytes, decode: Callable[[Value, Any], T], about: object = None
    ) -> "Answer[T]": ...


# Made by the dozen for each request, it is a struct, which C makes.
class Answer(msgspec.Struct, Generic[T], gc=False):
    """A reading under way, whose answer is decoded when it is awaited."""

    trip: "_Trip"
    place: int
    decode: Callable[[Value, Any], T]
    about: object

    def __await__(self) -> Generator[Any, None, T]:
        values = self.trip.values
        if values is None:
            values = yield from self.trip.arrive()
        return self.decode(values[self.place], self.about)


class _Trip:
    """What is read together: for whom, and how it ended.

    Attributes:
        keys: With the place where the value of each is found.

        last_joined: Those for whom was asked last; None before anybody asked.
    """

    __slots__ = ("_sleepers", "failure", "keys", "last_joined", "shared", "values")

    def __init__(self) -> None:
        self.keys: dict[bytes, int] = {}
        self.last_joined: Collection[Tally] | None = None
        self.shared = SharedTrip()
        self.values: Sequence[Value] | None = None
        self.failure: BaseException | None = None
        self._sleepers: list[asyncio.Future[None]] = []

    def arrive(self) -> Generator[Any, None, Sequence[Value]]:
        """Wait for it to end. Each waiter has a future, and a failure, of its own."""
        if self.failure is None:
            sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.append(sleeper)
            yield from sleeper.__await__()
        if self.values is None:
            raise _own_copy(self.failure)
        return self.values

    def wake_everybody(self) -> None:
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self._sleepers.clear()


def _own_copy(failure: BaseException | None) -> Unavailable:
    """Make a failure for one waiter: a shared one would gather everybody's traceback."""
    detail = failure.detail if isinstance(failure, Unavailable) else "a read was given up"
    copy = Unavailable(detail)
    copy.__cause__ = failure
    return copy
