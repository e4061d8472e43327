"""The database of a process: a reader in the event loop's thread, a writer in its own."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final, Self, TypeVar

from adapters.sqlite.gathering import STATEMENTS, Gathering
from adapters.sqlite.lock import WriterLock
from adapters.sqlite.migrate import migrate
from adapters.sqlite.writer import Step, Writer
from adapters.store_trips import (
    TripKind,
    TripObserver,
    Unobserved,
    count_read,
    count_step,
    waiting,
)
from domain.errors import Unavailable

T = TypeVar("T")

_BUSY_SECONDS = 2.0  # our own writers never meet; this is for backups and people at the file

_UNOBSERVED: Final = Unobserved()


class SqliteDatabase:
    """One open database file. Used from one thread, its event loop's.

    Attributes:
        ask: Begins a read that is gathered with others; see `Gathering`.
    """

    def __init__(
        self, reader: sqlite3.Connection, writer: Writer, trips: TripObserver = _UNOBSERVED
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._trips = trips
        self.ask = Gathering(reader, trips).ask

    @classmethod
    def open(cls, path: Path, *, trips: TripObserver = _UNOBSERVED) -> Self:
        """Open the database, made and migrated as need be, its files readable by the owner only.

        Raises:
            Unavailable: If it cannot be opened or is a newer release's.
        """
        try:
            with ExitStack() as opened:
                lock = opened.enter_context(closing(WriterLock.beside(path)))
                with lock:
                    _create(path)
                    writing = opened.enter_context(closing(_connect(path)))
                    _make_durable(writing)
                    migrate(writing)
                    reading = opened.enter_context(closing(_connect(path)))
                    reading.execute("PRAGMA query_only = ON")
                opened.pop_all()
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"cannot open {path}: {error}") from error
        return cls(reading, Writer(writing, lock), trips)

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows, by a statement of its own, as of the last commit of any process.

        Read to the end, so that no read transaction lingers and holds back
        the checkpoint.
        """
        count_read(waiting())
        try:
            return self._reader.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            self._trips.made(TripKind.READ, seconds=0, failed=True)
            raise Unavailable(f"SQLite: {error}") from error

    async def write(self, step: Step[T], /, *, now: datetime | None = None) -> T:
        """Run *step* atomically in the writer's thread and return its result once durable.

        Args:
            now: The time of the write, by which expired rows are swept.

        Raises:
            Unavailable: If it cannot be written; also whatever *step* raises.
        """
        count_step()
        began = perf_counter()
        failed = False
        try:
            return await self._writer.write(step, now=now)
        except Unavailable:
            failed = True
            raise
        finally:
            self._trips.made(TripKind.STEP, seconds=perf_counter() - began, failed=failed)

    async def close(self) -> None:
        """Finish the writes asked for and close the file."""
        self._reader.close()
        await self._writer.close()


def _create(path: Path) -> None:
    # Never open a file that is there: closing it would drop the locks that
    # SQLite holds on it in this process.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _connect(path: Path) -> sqlite3.Connection:
    # The writer's connection goes over to its thread, hence no check of threads.
    return sqlite3.connect(
        path,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
    )


def _make_durable(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise Unavailable("the file system of the database does not allow write-ahead logging")
