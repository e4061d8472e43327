import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path

import pytest

from adapters.sqlite import writer
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.writer import Step
from domain.errors import ClientExists, Unavailable
from support.domain_samples import client


class Locked:
    """The writer lock in the hands of another process."""

    def __init__(self, path: Path) -> None:
        self._file = Path(f"{path}.lock").open("rb")  # noqa: SIM115  (closed by `close`)

    def take(self) -> None:
        flock(self._file, LOCK_EX)

    def release(self) -> None:
        flock(self._file, LOCK_UN)

    def close(self) -> None:
        self._file.close()


@pytest.fixture
def elsewhere(database: SqliteDatabase, path: Path) -> Iterator[Locked]:
    with contextlib.closing(Locked(path)) as locked:
        yield locked


def trace(database: SqliteDatabase) -> list[str]:
    statements: list[str] = []
    database._writer._connection.set_trace_callback(statements.append)
    return statements


def insert(name: str) -> Step[str]:
    def step(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO revocations VALUES (?, 0)", (name,))
        return name

    return step


def refuse(name: str) -> Step[str]:
    def step(connection: sqlite3.Connection) -> str:
        insert(name)(connection)
        raise ClientExists(name)

    return step


def overflow(name: str) -> Step[str]:
    """Fail as a full disk can make a statement fail: with the whole transaction undone."""

    def step(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT OR ROLLBACK INTO revocations VALUES (?, NULL)", (name,))
        return name

    return step


def written(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT token_id FROM revocations ORDER BY token_id")
        return [token_id for (token_id,) in rows]


class TestGroupCommit:
    async def test_writes_that_wait_together_share_a_commit(
        self, database: SqliteDatabase, elsewhere: Locked
    ) -> None:
        """What comes while the lock is awaited is committed at once when it is had."""
        statements = trace(database)
        elsewhere.take()
        writes = [asyncio.create_task(database.write(insert(f"{n:03}"))) for n in range(200)]
        await asyncio.sleep(0.05)
        elsewhere.release()

        assert await asyncio.gather(*writes) == [f"{n:03}" for n in range(200)]
        assert statements.count("COMMIT") == 1

    async def test_a_batch_is_bounded(self, database: SqliteDatabase, elsewhere: Locked) -> None:
        """Nobody waits for an endless batch; the rest is the next one."""
        statements = trace(database)
        elsewhere.take()
        writes = [
            asyncio.create_task(database.write(insert(str(n))))
            for n in range(2 * writer.LARGEST_BATCH)
        ]
        await asyncio.sleep(0.05)
        elsewhere.release()

        await asyncio.gather(*writes)
        assert statements.count("COMMIT") == 2

    async def test_an_answer_is_committed_when_it_comes(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        """Whoever hears of a write can find it through another connection."""

        async def write_and_look(name: str) -> bool:
            await database.write(insert(name))
            return name in written(path)

        assert all(await asyncio.gather(*(write_and_look(str(n)) for n in range(50))))

    async def test_a_write_that_changes_nothing_is_not_synced_to_disk(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        """A refusal grows no log."""
        await SqliteClientStore(database).add(client())
        log = path.with_name("grantd.db-wal")
        before = log.stat().st_size

        with pytest.raises(ClientExists):
            await SqliteClientStore(database).add(client())

        assert log.stat().st_size == before


class TestFailures:
    async def test_a_step_that_refuses_undoes_itself_alone(
        self, database: SqliteDatabase, elsewhere: Locked, path: Path
    ) -> None:
        """Its neighbours in the batch are written, before it and behind it."""
        statements = trace(database)
        elsewhere.take()
        steps = (insert("a"), refuse("b"), insert("c"))
        writes = [asyncio.create_task(database.write(step)) for step in steps]
        await asyncio.sleep(0.05)
        elsewhere.release()
        answers = await asyncio.gather(*writes, return_exceptions=True)

        assert statements.count("COMMIT") == 1
        assert answers[::2] == ["a", "c"]
        assert isinstance(answers[1], ClientExists)
        assert written(path) == ["a", "c"]

    async def test_a_batch_that_is_undone_acknowledges_nothing(
        self, database: SqliteDatabase, elsewhere: Locked, path: Path
    ) -> None:
        """Refusals neither: they may rest on what was undone."""
        elsewhere.take()
        steps = (insert("a"), refuse("b"), overflow("c"), insert("d"))
        writes = [asyncio.create_task(database.write(step)) for step in steps]
        await asyncio.sleep(0.05)
        elsewhere.release()
        answers = await asyncio.gather(*writes, return_exceptions=True)

        assert [type(answer) for answer in answers] == [Unavailable] * 4
        assert written(path) == []
        assert await database.write(insert("e")) == "e"

    async def test_a_driver_error_is_unavailable_with_its_cause(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        """No exception of the driver crosses a port."""
        await database.write(insert("a"))

        with pytest.raises(Unavailable) as refusal:
            await database.write(insert("a"))

        assert isinstance(refusal.value.__cause__, sqlite3.IntegrityError)
        assert written(path) == ["a"]

    async def test_a_lock_that_is_never_had_is_unavailable(
        self,
        database: SqliteDatabase,
        elsewhere: Locked,
        path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The caller hears of it in time, and what it gave up is not done later."""
        monkeypatch.setattr(writer, "_PATIENCE_SECONDS", 0.05)
        elsewhere.take()
        with pytest.raises(Unavailable, match="took too long"):
            await database.write(insert("given up"))
        elsewhere.release()
        monkeypatch.undo()

        await database.write(insert("later"))
        assert written(path) == ["later"]

    async def test_a_full_database_is_unavailable_until_there_is_room(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        """What was acknowledged is there, what was not is not, and the store works on."""

        def limit(connection: sqlite3.Connection, pages: int) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        names = [f"{number:04}" + "x" * 1000 for number in range(300)]
        await database.write(lambda connection: limit(connection, 60))
        answers = await asyncio.gather(
            *(database.write(insert(name)) for name in names), return_exceptions=True
        )

        acknowledged = [answer for answer in answers if isinstance(answer, str)]
        refused = [answer for answer in answers if not isinstance(answer, str)]
        assert {type(refusal) for refusal in refused} == {Unavailable}
        assert written(path) == acknowledged
        await database.write(lambda connection: limit(connection, 100_000))
        assert await database.write(insert("roomy")) == "roomy"


class TestCallers:
    async def test_a_caller_who_leaves_harms_no_other(
        self, database: SqliteDatabase, elsewhere: Locked, path: Path
    ) -> None:
        """Its own step, not begun yet, is taken back."""
        elsewhere.take()
        first, left, last = (
            asyncio.create_task(database.write(insert(name))) for name in ("a", "b", "c")
        )
        await asyncio.sleep(0.05)
        left.cancel()
        elsewhere.release()

        assert [await first, await last] == ["a", "c"]
        assert left.cancelled()
        assert written(path) == ["a", "c"]

    def test_a_loop_that_is_gone_harms_no_other(self, path: Path) -> None:
        """The writer outlives the callers of an earlier loop."""
        database = SqliteDatabase.open(path)
        locked = Locked(path)
        locked.take()

        async def ask_and_leave() -> None:
            asking = asyncio.create_task(database.write(insert("left")))
            await asyncio.sleep(0.05)
            asking.cancel()

        asyncio.run(ask_and_leave())
        locked.release()
        locked.close()

        async def ask_again() -> str:
            answer = await database.write(insert("here"))
            await database.close()
            return answer

        assert asyncio.run(ask_again()) == "here"
        assert written(path) == ["here"]
