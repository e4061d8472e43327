"""Reads that set out together (D2).

Whatever is asked for in one turn of the event loop goes to Redis in one
round trip; while enough round trips are under way, further questions wait
for the next one together.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from adapters.store_trips import SharedTrip
from domain.errors import Unavailable

T = TypeVar("T")

Value = bytes | None
Fetch = Callable[[Sequence[bytes]], Awaitable[Sequence[Value]]]

# One at a time makes the largest trips; the second keeps a slow one from holding everybody.
_UNDER_WAY_AT_ONCE = 2


class Gathering:
    """Gathers reads of single keys into round trips.

    A read that begins after a write was acknowledged sees it: no question
    ever joins a round trip that has set out already.

    Args:
        fetch: Reads any number of keys in one round trip, or raises `Unavailable`.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._waiting: dict[bytes, list[asyncio.Future[Value]]] = {}
        self._next = SharedTrip()
        self._departing = False
        self._under_way: set[asyncio.Task[None]] = set()

    def get(self, key: bytes) -> "asyncio.Future[Value]":
        """Begin to read *key*. Each caller has an answer, and a failure, of its own."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Value] = loop.create_future()
        self._waiting.setdefault(key, []).append(answer)
        self._next.join()
        self._depart_soon(loop)
        return answer

    async def close(self) -> None:
        """Wait for what is under way, and for what waits for it."""
        while self._waiting or self._under_way:
            if self._under_way:
                await asyncio.wait(self._under_way)
            await asyncio.sleep(0)  # whoever waits departs in this turn

    def _depart_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._departing and len(self._under_way) < _UNDER_WAY_AT_ONCE:
            self._departing = True
            loop.call_soon(self._depart, loop)

    def _depart(self, loop: asyncio.AbstractEventLoop) -> None:
        self._departing = False
        asked, self._waiting = self._waiting, {}
        shared, self._next = self._next, SharedTrip()
        trip = loop.create_task(self._travel(asked), context=shared.context())
        self._under_way.add(trip)
        trip.add_done_callback(self._arrived)

    def _arrived(self, trip: "asyncio.Task[None]") -> None:
        self._under_way.discard(trip)
        if self._waiting:
            self._depart_soon(trip.get_loop())

    async def _travel(self, asked: dict[bytes, list["asyncio.Future[Value]"]]) -> None:
        try:
            values = await self._fetch(tuple(asked))
        except BaseException as failure:
            for answer in _unanswered(asked.values()):
                answer.set_exception(_own_copy(failure))
                answer.exception()  # whoever asked and never awaits need not hear of it
            if not isinstance(failure, Unavailable):
                raise
        else:
            for answers, value in zip(asked.values(), values, strict=True):
                for answer in _unanswered([answers]):
                    answer.set_result(value)


class Decoded(Generic[T]):
    """A reading under way, whose answer is decoded when it is awaited."""

    __slots__ = ("_answer", "_decode")

    def __init__(self, answer: "asyncio.Future[Value]", decode: Callable[[Value], T]) -> None:
        self._answer = answer
        self._decode = decode

    def __await__(self) -> Generator[None, None, T]:
        return self._decode((yield from self._answer.__await__()))


def _unanswered(
    askers: Iterable[list["asyncio.Future[Value]"]],
) -> Iterator["asyncio.Future[Value]"]:
    return (answer for answers in askers for answer in answers if not answer.done())


def _own_copy(failure: BaseException) -> Unavailable:
    """Make a failure for one waiter: a shared one would gather everybody's traceback."""
    detail = failure.detail if isinstance(failure, Unavailable) else "a read was given up"
    copy = Unavailable(detail)
    copy.__cause__ = failure
    return copy
