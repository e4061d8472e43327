import asyncio
import contextlib
import sqlite3
import stat
from pathlib import Path

import pytest

from adapters.sqlite.catalogue import SqliteCatalogueStore
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.probe import SqliteProbe
from adapters.sqlite.revocations import SqliteRevocationList
from domain.errors import Unavailable
from support.domain_samples import HOUR, LEDGER, NOW, client, token_id

_FULL = 2


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


class TestOpen:
    async def test_commits_are_durable(self, database: SqliteDatabase) -> None:
        """WAL alone would lose the last commits with the power; FULL syncs each of them."""
        assert await database.write(lambda c: pragma(c, "journal_mode")) == "wal"
        assert await database.write(lambda c: pragma(c, "synchronous")) == _FULL

    async def test_the_reader_cannot_write(self, database: SqliteDatabase) -> None:
        """Whoever writes goes through the writer."""
        with pytest.raises(Unavailable, match="readonly"):
            database.fetch("DELETE FROM clients")

    async def test_its_files_are_the_owners_alone(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        """However the process was told to make files."""
        await SqliteClientStore(database).add(client())

        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}

        names = [f"grantd.db{suffix}" for suffix in ("", "-wal", "-shm", ".lock", ".turn")]
        assert modes == dict.fromkeys(names, 0o600)

    def test_a_file_that_is_no_database_is_unavailable(self, path: Path) -> None:
        """It is refused and left alone."""
        text = b"not a database, but long enough to be looked at " * 100
        path.write_bytes(text)

        with pytest.raises(Unavailable, match="not a database"):
            SqliteDatabase.open(path)

        assert path.read_bytes() == text

    def test_a_folder_that_is_not_there_is_unavailable(self, tmp_path: Path) -> None:
        """Nobody guesses where else the data should go."""
        with pytest.raises(Unavailable, match="No such file or directory"):
            SqliteDatabase.open(tmp_path / "nowhere" / "grantd.db")

    def test_a_refused_open_leaves_no_file_open(self, path: Path) -> None:
        """Who tries again and again runs out of nothing."""
        path.write_bytes(b"not a database" * 100)
        before = sum(1 for _ in Path("/proc/self/fd").iterdir())

        with pytest.raises(Unavailable):
            SqliteDatabase.open(path)

        assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


class TestFetch:
    async def test_no_read_transaction_lingers(self, database: SqliteDatabase, path: Path) -> None:
        """After any read the log can be checkpointed to its end."""
        clients, catalogue = SqliteClientStore(database), SqliteCatalogueStore(database)
        for name in ("a", "b", "c"):
            await clients.add(client(name))
        await clients.find(LEDGER)
        await clients.page(after=None, limit=1)
        await catalogue.version()
        await catalogue.load()
        await clients.add(client("d"))

        with contextlib.closing(sqlite3.connect(path)) as other:
            busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

        assert busy == 0
        assert path.with_name("grantd.db-wal").stat().st_size == 0

    async def test_what_cannot_be_read_is_unavailable(self, database: SqliteDatabase) -> None:
        """An empty answer would be a guess (D8)."""
        await database.write(lambda connection: connection.execute("DROP TABLE revocations"))

        with pytest.raises(Unavailable):
            await SqliteRevocationList(database).contains(token_id(), now=NOW)


class TestClose:
    async def test_what_was_asked_for_is_written(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        """Closing takes nothing new and finishes the rest."""
        clients = SqliteClientStore(database)
        adding = [clients.add(client(f"client-{number}")) for number in range(20)]

        await asyncio.gather(*adding, database.close())

        with contextlib.closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT count(*) FROM clients").fetchone() == (20,)

    async def test_a_closed_database_is_unavailable(self, database: SqliteDatabase) -> None:
        """Reads and writes are refused alike, and closing again changes nothing."""
        await database.close()

        with pytest.raises(Unavailable):
            await SqliteRevocationList(database).contains(token_id(), now=NOW)
        with pytest.raises(Unavailable):
            await SqliteRevocationList(database).add(token_id(), until=NOW + HOUR, now=NOW)
        with pytest.raises(Unavailable):
            await SqliteProbe(database).check()
        await database.close()


class TestProbe:
    async def test_a_database_that_works_passes(self, database: SqliteDatabase) -> None:
        """The probe says nothing then."""
        await SqliteProbe(database).check()
