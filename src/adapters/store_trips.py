"""Round trips to the store: who hears of each, and how many the request at hand has waited for.

What goes to a store over a network, or to a thread that writes, is a trip. What is
read of the embedded store waits for nobody: it is counted, and not timed.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol


class TripKind(StrEnum):
    """What goes to the store.

    Attributes:
        READ: All that was asked for in one turn, by however many requests.

        STEP: A script, or a write of the embedded store: atomic.

        COMMAND: Any other single command.
    """

    READ = "read"
    STEP = "step"
    COMMAND = "command"


class TripObserver(Protocol):
    """Hears of the trips of one process."""

    def made(self, kind: TripKind, /, *, seconds: float, failed: bool) -> None:
        """Hear of a trip just now, as it ends; each attempt is one. MUST NOT raise.

        `waiting()` tells for which requests it was made.
        """
        ...

    def withheld(self, kind: TripKind, /) -> None:
        """Hear of a trip that was not made: the store is known to be away. MUST NOT raise."""
        ...


class Unobserved:
    def made(self, kind: TripKind, /, *, seconds: float, failed: bool) -> None:
        """Let it pass."""

    def withheld(self, kind: TripKind, /) -> None:
        """Let it pass."""


@dataclass(slots=True, eq=False)
class Tally:
    """What one request has waited for.

    Attributes:
        reads: Trips that read, each shared with whoever asked in the same turn; of
            the embedded store, gathers of all that was asked for.

        steps: Steps and commands.
    """

    reads: int = field(default=0, kw_only=True)
    steps: int = field(default=0, kw_only=True)


_waiting: ContextVar[Collection[Tally]] = ContextVar("store_trips_waiting", default=())

waiting: Final[Callable[[], Collection[Tally]]] = _waiting.get
"""Return the tallies of the requests that wait for what is being done."""


class SharedTrip:
    """A trip that is to set out for all who join it."""

    __slots__ = ("_tallies",)

    def __init__(self) -> None:
        self._tallies: set[Tally] = set()

    def join(self, tallies: Collection[Tally]) -> None:
        """Have a request wait for it; joining again changes nothing."""
        for tally in tallies:
            if tally not in self._tallies:
                self._tallies.add(tally)
                tally.reads += 1

    def context(self) -> Context:
        """Return the context to travel in: that of nobody in particular."""
        context = Context()
        context.run(_waiting.set, self._tallies)
        return context


def begin_tally(tally: Tally) -> None:
    """Count in *tally* for a new request, in this task and those that it begins."""
    # One of a request before this may still be there: answers to pipelined ones begin the next.
    if others := _waiting.get():
        others = [one for one in others if type(one) is not type(tally)]
    _waiting.set((*others, tally))


@contextmanager
def count_for(tally: Tally, *, instead_of: type[Tally]) -> Iterator[None]:
    """Count in *tally* too, and in no other of that type, as long as the block lasts."""
    others = (one for one in _waiting.get() if not isinstance(one, instead_of))
    token = _waiting.set((*others, tally))
    try:
        yield
    finally:
        _waiting.reset(token)


def count_read(tallies: Collection[Tally]) -> None:
    """Count one read for those who wait for it."""
    for tally in tallies:
        tally.reads += 1


def count_step() -> None:
    """Count one step or command for who waits for it."""
    for tally in _waiting.get():
        tally.steps += 1


_: type[TripObserver] = Unobserved
