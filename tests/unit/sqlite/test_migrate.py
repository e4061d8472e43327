import contextlib
import re
import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from adapters.sqlite import migrate
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.revocations import SqliteRevocationList
from domain.errors import Unavailable
from support.domain_samples import HOUR, NOW, token_id


def dump(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return [f"user_version {version}", *connection.iterdump()]


def set_version(path: Path, version: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


def test_migrations_are_numbered_without_a_gap() -> None:
    """The number of a migration is the schema version it leads to."""
    folder = files("adapters.sqlite") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir())
    assert all(re.fullmatch(r"\d{4}_[a-z_]+\.sql", name) for name in names)
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


async def test_opening_twice_is_migrating_once(path: Path) -> None:
    """A database of the newest schema keeps its schema and all that is in it."""
    first = SqliteDatabase.open(path)
    await SqliteRevocationList(first).add(token_id(), until=NOW + HOUR, now=NOW)
    await first.close()
    before = dump(path)

    await SqliteDatabase.open(path).close()

    assert dump(path) == before


async def test_a_database_that_a_newer_release_has_added_to_is_opened(path: Path) -> None:
    """It works there beside the newer one, and takes nothing back."""
    await SqliteDatabase.open(path).close()
    newest = len(migrate._migrations())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript("ALTER TABLE revocations ADD COLUMN reason TEXT;")
    set_version(path, newest + 1)

    database = SqliteDatabase.open(path)
    revocations = SqliteRevocationList(database)
    await revocations.add(token_id(), until=NOW + HOUR, now=NOW)
    assert await revocations.contains(token_id(), now=NOW)
    await database.close()

    assert dump(path)[0] == f"user_version {newest + 1}"


async def test_a_database_that_a_newer_release_has_taken_from_is_refused(path: Path) -> None:
    """The refusal says so, and the file stays as it was."""
    await SqliteDatabase.open(path).close()
    newest = len(migrate._migrations())
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE compatibility SET least_schema = ?", (newest + 1,))
    set_version(path, newest + 1)
    before = dump(path)

    with pytest.raises(Unavailable, match=f"schema up to {newest + 1}, this release knows"):
        SqliteDatabase.open(path)

    assert dump(path) == before


async def test_migrations_are_applied_all_or_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails takes those before it along, and the next release repairs it."""
    known = migrate._migrations()
    broken = [*known, "CREATE TABLE half (done TEXT);", "CREATE TABLE half (done TEXT);"]
    await SqliteDatabase.open(path).close()
    before = dump(path)

    monkeypatch.setattr(migrate, "_migrations", lambda: broken)
    with pytest.raises(Unavailable, match="half already exists"):
        SqliteDatabase.open(path)
    assert dump(path) == before

    monkeypatch.setattr(migrate, "_migrations", lambda: broken[:-1])
    await SqliteDatabase.open(path).close()
    assert dump(path)[0] == f"user_version {len(known) + 1}"
