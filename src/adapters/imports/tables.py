"""Tables of clients, from an SQLite database, from CSV, or from what `mysql --batch` prints."""

import csv
import io
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from domain.errors import UnreadableExport, presentable
from domain.model.imported_clients import MAX_IMPORTED_CLIENTS

_SQLITE: Final = b"SQLite format 3\0"
_WRITE_AHEAD: Final = 2
_VERSIONS: Final = slice(18, 20)

# A view or a virtual table has no page of its own, and nothing of a stranger's may run.
_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"

_LONGEST_FIELD: Final = 64 * 1_024

# How MySQL and its tools write what is no text.
_NULLS: Final = frozenset({"\\N", "NULL", ""})
_ESCAPED: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "t": "\t", "\\": "\\"}

_DELIMITERS: Final = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its columns by lower-case names; None is no value."""

    place: str
    values: Mapping[str, str | None] = field(repr=False)

    def first(self, *columns: str) -> str | None:
        """Return the value of the first of *columns* that there is."""
        return next((self.values[one] for one in columns if one in self.values), None)

    def has(self, *columns: str) -> bool:
        return any(one in self.values for one in columns)

    def is_set(self, column: str) -> bool:
        """Tell whether a column of yes and no says yes."""
        return (self.values.get(column) or "0").lower() not in {"0", "f", "false", "no", "n"}


@dataclass(frozen=True, slots=True)
class Tables:
    """The table of clients, and the one of scopes if there is one."""

    clients: tuple[Row, ...]
    scopes: tuple[Row, ...] = ()


def read_tables(
    content: bytes, *, clients: Sequence[str], known_by: Sequence[str], scopes: str | None = None
) -> Tables:
    """Read an SQLite database, or the table of clients as text with a line of column names.

    Args:
        clients: What the table may be called. In a database it may have a
            prefix, which the table of scopes has then too.

        known_by: Columns of which the table of clients has one.

    Raises:
        UnreadableExport: If it is neither, is broken, or has too much in it.
    """
    if content.startswith(_SQLITE):
        return _from_sqlite(content, clients, known_by, scopes)
    return Tables(clients=tuple(_from_text(content, known_by)))


def words(text: str) -> tuple[str, ...]:
    """Split what is delimited by spaces or commas."""
    return tuple(word for word in _DELIMITERS.split(text) if word)


def _from_text(content: bytes, known_by: Sequence[str]) -> Iterator[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UnreadableExport(hint="neither an SQLite database nor a table in UTF-8")
    head, _, _ = text.partition("\n")
    lines = _tab_separated(text) if "\t" in head else _comma_separated(text)
    _, head_cells = next(lines, ("", []))
    names = _columns(head_cells)
    if set(names).isdisjoint(known_by):
        raise UnreadableExport(
            hint=f"line 1: the names of the columns belong here, with {' or '.join(known_by)}"
        )
    for count, (place, cells) in enumerate(lines, 1):
        if count > MAX_IMPORTED_CLIENTS:
            raise UnreadableExport(hint=f"{place}: more than {MAX_IMPORTED_CLIENTS} clients")
        if len(cells) != len(names):
            raise UnreadableExport(hint=f"{place}: {len(cells)} fields instead of {len(names)}")
        values = (None if cell in _NULLS else cell for cell in cells)
        yield Row(place, dict(zip(names, values, strict=True)))


def _comma_separated(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split CSV (RFC 4180)."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from ((f"line {reader.line_num}", cells) for cells in reader if cells)
    except csv.Error as error:
        raise UnreadableExport(hint=f"line {reader.line_num}: {error}") from None


def _tab_separated(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split what `mysql --batch` prints, where a backslash hides what would divide."""
    for number, line in enumerate(text.split("\n"), 1):
        if cells := line.removesuffix("\r"):
            yield f"line {number}", [_unescaped(cell) for cell in cells.split("\t")]


def _unescaped(cell: str) -> str:
    """Undo the backslashes, but for those that mark what is no text."""
    if cell in _NULLS:
        return cell
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[0]), cell)


def _columns(names: Sequence[str]) -> list[str]:
    columns = [name.strip().lower() for name in names]
    if len(set(columns)) < len(columns):
        raise UnreadableExport(hint="line 1: a column is there twice")
    return columns


def _from_sqlite(
    content: bytes, clients: Sequence[str], known_by: Sequence[str], scopes: str | None = None
) -> Tables:
    if _WRITE_AHEAD in content[_VERSIONS]:
        raise UnreadableExport(
            hint="the database keeps a write-ahead log beside it; make a copy that has all in it:"
            " sqlite3 FILE 'VACUUM INTO copy.db'"
        )
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.deserialize(content)
            # The file is a stranger's: neither its views nor its functions may run.
            database.execute("PRAGMA trusted_schema = OFF")
            database.text_factory = bytes
            table = _find(database, clients)
            prefix = table[: -len(next(name for name in clients if table.endswith(name)))]
            found = tuple(_rows(database, table, known_by))
            if scopes is None or prefix + scopes not in set(_tables(database)):
                return Tables(found)
            return Tables(found, tuple(_rows(database, prefix + scopes, ("scope",))))
        except (sqlite3.Error, ValueError, OverflowError, MemoryError):
            raise UnreadableExport(hint="the SQLite database is broken") from None


def _find(database: sqlite3.Connection, names: Sequence[str]) -> str:
    """Return the name of the one table of clients."""
    tables = [name for name in _tables(database) if name.endswith(tuple(names))]
    exact = [name for name in names if name in tables]
    if not tables:
        raise UnreadableExport(hint=f"the database has no table {' or '.join(names)}")
    if not exact and len(tables) > 1:
        raise UnreadableExport(hint=f"which table is it: {presentable(', '.join(sorted(tables)))}")
    return exact[0] if exact else tables[0]


def _tables(database: sqlite3.Connection) -> Iterator[str]:
    for (name,) in database.execute(_TABLES):
        if isinstance(name, bytes):
            yield name.decode("utf-8", "replace")


def _rows(database: sqlite3.Connection, table: str, known_by: Sequence[str]) -> Iterator[Row]:
    quoted = table.replace('"', '""')
    found = database.execute(f'SELECT * FROM "{quoted}" LIMIT {MAX_IMPORTED_CLIENTS + 1}')  # noqa: S608  (quoted)
    columns = [name.lower() for name, *_ in found.description]
    if set(columns).isdisjoint(known_by):
        raise UnreadableExport(hint=f"{presentable(table)} has no column {' or '.join(known_by)}")
    for number, cells in enumerate(found, 1):
        place = f"row {number}"
        if number > MAX_IMPORTED_CLIENTS:
            raise UnreadableExport(hint=f"{presentable(table)} has more than {number - 1} rows")
        values = (_text(cell, place, column) for column, cell in zip(columns, cells, strict=True))
        yield Row(place, dict(zip(columns, values, strict=True)))


def _text(cell: object, place: str, column: str) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, bytes) and len(cell) <= _LONGEST_FIELD:
        try:
            return cell.decode()
        except UnicodeDecodeError:
            pass
    raise UnreadableExport(hint=f"{place}: {presentable(column)} is no text in UTF-8")
