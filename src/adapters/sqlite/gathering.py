"""Reads that go to the file together, in one statement (D2).

What a request asks for before it awaits the first answer is one statement of
scalar subqueries: one transaction, so one snapshot, and one way through the
database's machinery in place of many.
"""

import sqlite3
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from adapters.milliseconds import to_ms
from adapters.store_trips import Tally, TripKind, TripObserver, count_read, waiting
from domain.errors import Unavailable

T = TypeVar("T")

STATEMENTS: Final = 256
"""How many are remembered; a connection should keep as many prepared."""

_COLUMNS_TO_CLOSE: Final = 64  # of the 2,000 that a statement of SQLite may have


class Question(Generic[T]):
    """What can be asked in one statement with others.

    Args:
        column: A query of one column and at most one row. `?1` is the time at
            which it is asked, and each `?` a parameter of its own.

        decode: Makes the answer of what the column holds, None if there is no
            row, and of what it was asked about.

        times: How often it is asked, each time of another parameter; then
            `decode` gets all that was found in one tuple.
    """

    __slots__ = ("column", "decode", "times")

    def __init__(
        self, column: str, decode: Callable[[Any, Any], T], *, times: int | None = None
    ) -> None:
        self.column = column
        self.decode = decode
        self.times = times


class Gathering:
    """Gathers what one request asks for, or what is asked for outside of any.

    A read that begins after a write was acknowledged sees it: no question
    joins a statement that was executed already.
    """

    def __init__(self, reader: sqlite3.Connection, trips: TripObserver) -> None:
        self._reader = _Reader(reader, trips)
        self._nothing = _Statement(self._reader)
        self._open = _Gather(self._nothing, ())

    def ask(
        self,
        question: Question[T],
        parameters: Iterable[str] = (),
        about: object = None,
        *,
        now: datetime | None = None,
    ) -> "Answer[T]":
        """Begin to read. What fails is `Unavailable` to everyone who awaits."""
        whom = waiting()
        gather = self._open
        if not gather.is_open or gather.whom is not whom:
            gather = self._begin(whom)
        if now is not None and gather.now is not now:
            if gather.now is not None:
                gather = self._begin(whom)
            gather.now = now
            gather.parameters[0] = to_ms(now)
        gather.parameters += parameters
        statement = gather.statement = gather.statement[question]
        if statement.is_full:
            gather.is_open = False
        return Answer(gather, statement.place, question.decode, about)

    def _begin(self, whom: Collection[Tally]) -> "_Gather":
        if self._reader.statements > STATEMENTS:
            self._reader.statements = 0
            self._nothing = _Statement(self._reader)
        gather = self._open = _Gather(self._nothing, whom)
        return gather


# Made by the dozen for each request, these two are structs, which C makes.
class Answer(msgspec.Struct, Generic[T], gc=False):
    """A reading whose answer comes with all others of its gather."""

    gather: "_Gather"
    place: int | slice
    decode: Callable[[Any, Any], T]
    about: object

    def is_pending(self) -> bool:
        """Tell whether it is yet to be read, for whoever asks now: it will do for them too."""
        return self.gather.is_open and self.gather.whom is waiting()

    def __await__(self) -> Generator[None, None, T]:
        return self.decode((self.gather.row or self.gather.read())[self.place], self.about)
        yield  # makes it a generator that never waits


class _Gather(msgspec.Struct, gc=False):
    """What is read together, before and after."""

    statement: "_Statement"
    whom: Collection[Tally]
    parameters: list[str | int | None] = msgspec.field(default_factory=lambda: [None])
    now: datetime | None = None
    is_open: bool = True
    row: tuple[Any, ...] | None = None
    failure: str | None = None

    def read(self) -> tuple[Any, ...]:
        """Read it now.

        Raises:
            Unavailable: If it cannot be read, or could not.
        """
        self.is_open = False
        if self.failure is not None:
            raise Unavailable(self.failure)
        count_read(self.whom)
        try:
            row = self.row = self.statement.execute(self.parameters)
        except sqlite3.Error as error:
            self.failure = f"SQLite: {error}"
            raise Unavailable(self.failure) from error
        return row


class _Reader:
    """The connection behind, and how many statements are remembered for it."""

    def __init__(self, connection: sqlite3.Connection, trips: TripObserver) -> None:
        self.cursor = connection.cursor()
        self.trips = trips
        self.statements = 0


class _Statement(dict[Question[Any], "_Statement"]):
    """Questions in the order in which they are asked, and the statements with one more.

    Attributes:
        place: Where the row holds what the last question asks for.
    """

    __slots__ = ("_columns", "_reader", "_text", "is_full", "place")

    def __init__(
        self, reader: _Reader, columns: tuple[str, ...] = ("?1",), place: int | slice = 0
    ) -> None:
        super().__init__()
        reader.statements += 1
        self.place = place
        self.is_full = len(columns) >= _COLUMNS_TO_CLOSE
        self._reader = reader
        self._columns = columns
        self._text = ""

    def __missing__(self, question: Question[Any]) -> "_Statement":
        first, column = len(self._columns), f"({question.column})"
        if question.times is None:
            more = _Statement(self._reader, (*self._columns, column), first)
        else:
            place = slice(first, first + question.times)
            columns = (*self._columns, *[column] * question.times)
            more = _Statement(self._reader, columns, place)
        self[question] = more
        return more

    def execute(self, parameters: Sequence[str | int | None]) -> tuple[Any, ...]:
        """Return the one row; with it the statement has ended, and its transaction."""
        if not self._text:
            self._text = f"SELECT {', '.join(self._columns)}"
        try:
            row: tuple[Any, ...] = self._reader.cursor.execute(self._text, parameters).fetchone()
        except sqlite3.Error:
            self._reader.trips.made(TripKind.READ, seconds=0, failed=True)
            raise
        return row
