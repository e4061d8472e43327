"""The one thread of a process that writes, committing in groups (D7)."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

from adapters.sqlite.lock import WriterLock
from adapters.sqlite.sweep import Sweep
from domain.errors import Unavailable

T = TypeVar("T")

Step = Callable[[sqlite3.Connection], T]

# A batch takes along what waits when the lock is had, so it grows with the load.
LARGEST_BATCH = 256

_PATIENCE_SECONDS = 5.0


class Writer:
    """Runs steps in order, many to a transaction, and answers once it is durable.

    A step that refuses (raises) undoes itself alone. If the commit fails,
    every step of the batch is `Unavailable`, whatever it had found.

    Args:
        connection: Used by nobody else from now on, and closed at the end.

        lock: Likewise.
    """

    def __init__(self, connection: sqlite3.Connection, lock: WriterLock) -> None:
        self._connection = connection
        self._lock = lock
        self._sweep = Sweep()
        self._waiting: SimpleQueue[_Write[Any] | None] = SimpleQueue()
        self._closing = False
        self._thread = Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def write(self, step: Step[T], *, now: datetime | None) -> T:
        """Run *step* in a transaction and return its result when that is on disk.

        A caller who leaves before its step has begun takes it back; one who
        leaves later does not learn how it ended.

        Raises:
            Unavailable: If it cannot be written, or not in a few seconds.
        """
        if self._closing:
            raise Unavailable("the database is closed")
        write = _Write(step, now)
        self._waiting.put(write)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await write.answer
        except TimeoutError as error:
            raise Unavailable("other writers, or the disk, took too long") from error

    async def close(self) -> None:
        """Finish what was asked for, and take nothing more."""
        if not self._closing:
            self._closing = True
            self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = self._commit(first)
            for write in batch:
                write.settle()
            self._sweep_after(batch)
        with self._lock:
            self._connection.close()
        self._lock.close()

    def _commit(self, first: "_Write[Any]") -> "list[_Write[Any]]":
        batch = [first]
        try:
            with self._transaction():
                batch.extend(self._others())
                for write in batch:
                    write.run(self._connection)
        except Exception as error:  # noqa: BLE001  (whatever it is, the thread answers and lives on)
            for write in batch:
                write.fail(error)
        return batch

    def _others(self) -> "Iterator[_Write[Any]]":
        for _ in range(LARGEST_BATCH - 1):
            if self._waiting.empty():
                return
            write = self._waiting.get()
            if write is None:
                self._waiting.put(None)  # the last there is: it ends the thread after this batch
                return
            yield write

    def _sweep_after(self, batch: "list[_Write[Any]]") -> None:
        now = next((write.now for write in reversed(batch) if write.now is not None), None)
        if now is None or not self._sweep.is_due(now):
            return
        # What is not swept now is swept later; nobody waits for it.
        with suppress(sqlite3.Error, OSError), self._transaction():
            self._sweep(self._connection, now)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


class _Write(Generic[T]):
    """One step, from its caller to the writer's thread and back."""

    _result: T

    def __init__(self, step: Step[T], now: datetime | None) -> None:
        self.now = now
        self.answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._step = step
        self._error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        if self.answer.cancelled():
            return
        connection.execute("SAVEPOINT step")
        try:
            self._result = self._step(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise  # SQLite has undone the whole batch
            connection.execute("ROLLBACK TO step")
            if isinstance(error, sqlite3.Error):
                self.fail(error)
            else:
                self._error = error
        connection.execute("RELEASE step")

    def fail(self, cause: Exception) -> None:
        self._error = Unavailable(f"SQLite: {cause}")
        self._error.__cause__ = cause

    def settle(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.answer.get_loop().call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if self.answer.done():
            return
        if self._error is not None:
            self.answer.set_exception(self._error)
        else:
            self.answer.set_result(self._result)
