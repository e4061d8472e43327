"""Reads that go to the file together, in one statement (D2).

What a request asks for before it awaits the first answer is one statement of
scalar subqueries: one transaction, so one snapshot, and one way through the
database's machinery in place of many. A row that was read before is given
again if the database, asked each time, says that nothing was committed since.
"""

import sqlite3
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from adapters.store_trips import Tally, TripKind, TripObserver, count_read, waiting
from domain.errors import Unavailable

T = TypeVar("T")

STATEMENTS: Final = 256
"""How many are remembered; a connection should keep as many prepared."""

_COLUMNS_TO_CLOSE: Final = 64  # of the 2,000 that a statement of SQLite may have
_ROWS: Final = 4_096

_Row = tuple[Any, ...]


class Question(Generic[T]):
    """What can be asked in one statement with others.

    Args:
        asks: A query of one column and at most one row, each `?` of it a
            parameter; or several of them. What they hold MUST follow from those
            and the database alone, so not from the time.

        decode: Makes the answer of what the column holds, None if there is no
            row, or of what all of several hold in one tuple; and of what it was
            asked about, which may be a time.
    """

    __slots__ = ("asks", "decode")

    def __init__(self, asks: str | Sequence[str], decode: Callable[[Any, Any], T]) -> None:
        self.asks = asks
        self.decode = decode


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
        self, question: Question[T], parameters: Iterable[str] = (), about: object = None
    ) -> "Answer[T]":
        """Begin to read. What fails is `Unavailable` to everyone who awaits."""
        whom = waiting()
        gather = self._open
        if not gather.is_open or gather.whom is not whom:
            gather = self._begin(whom)
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
    parameters: list[str] = msgspec.field(default_factory=list)
    is_open: bool = True
    row: _Row | None = None
    failure: str | None = None

    def read(self) -> _Row:
        """Read it now.

        Raises:
            Unavailable: If it cannot be read, or could not.
        """
        self.is_open = False
        if self.failure is not None:
            raise Unavailable(self.failure)
        count_read(self.whom)
        try:
            row = self.row = self.statement.reader.read(self.statement.text, self.parameters)
        except sqlite3.Error as error:
            self.failure = f"SQLite: {error}"
            raise Unavailable(self.failure) from error
        return row


class _Reader:
    """The connection behind: it reads rows, and remembers them until something is committed.

    `PRAGMA data_version` takes a snapshot and tells whether it is the one
    before. By that SQLite itself keeps or drops the pages that it holds in
    memory, so a row here is no older than one that a statement would make of
    them. The statement after it may see a later snapshot; then the row is newer
    than the version it is kept under, which no later snapshot has.

    Attributes:
        statements: How many are remembered.
    """

    def __init__(self, connection: sqlite3.Connection, trips: TripObserver) -> None:
        self.statements = 0
        self._execute = connection.cursor().execute
        self._trips = trips
        self._version: _Row | None = None
        self._rows: dict[tuple[str, ...], _Row] = {}

    def read(self, text: str, parameters: Sequence[str]) -> _Row:
        """Return the one row; with it each statement has ended, and its transaction."""
        try:
            version = self._execute("PRAGMA data_version").fetchone()
            if version != self._version:
                self._rows.clear()
                self._version = version
            asked = (text, *parameters)
            row = self._rows.get(asked)
            if row is None:
                row = self._execute(text, parameters).fetchone()
                self._remember(asked, row)
        except sqlite3.Error:
            self._trips.made(TripKind.READ, seconds=0, failed=True)
            raise
        return row

    def _remember(self, asked: tuple[str, ...], row: _Row) -> None:
        if len(self._rows) >= _ROWS:
            self._rows.clear()
        self._rows[asked] = row


class _Statement(dict[Question[Any], "_Statement"]):
    """Questions in the order in which they are asked, and the statements with one more.

    Attributes:
        place: Where the row holds what the last question asks for.
    """

    __slots__ = ("_width", "is_full", "place", "reader", "text")

    def __init__(
        self, reader: _Reader, text: str = "SELECT 1", width: int = 1, place: int | slice = 0
    ) -> None:
        super().__init__()
        reader.statements += 1
        self.reader = reader
        self.text = text
        self.place = place
        self.is_full = width >= _COLUMNS_TO_CLOSE
        self._width = width

    def __missing__(self, question: Question[Any]) -> "_Statement":
        asks = question.asks
        queries = (asks,) if isinstance(asks, str) else asks
        first, width = self._width, self._width + len(queries)
        more = self[question] = _Statement(
            self.reader,
            ", ".join((self.text, *(f"({query})" for query in queries))),
            width,
            first if isinstance(asks, str) else slice(first, width),
        )
        return more
