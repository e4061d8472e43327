"""Releases that follow each other on one store, and for a while work on it together."""

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.records import CLAIMS, CLIENT, FAMILY, KEY, POLICY, RESOURCE, SCOPE, Record
from adapters.sqlite import migrate
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.revocations import SqliteRevocationList
from domain.model.families import Generation
from domain.model.policy import DeclaredPolicy
from support.domain_samples import (
    NOW,
    claims,
    client,
    family,
    family_id,
    resource,
    scope_definition,
    sealed_keys,
    token_id,
)
from support.releases import (
    NEXT,
    TODAY,
    WorkingRelease,
    leave_database,
    released_schemas,
    statements_of,
)

SCHEMAS = released_schemas()
TOGETHER = 0.5

_PARAMETER = re.compile(r"\?|:\w+")

Columns = dict[str, dict[str, tuple[Any, ...]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "grantd.db"


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_the_sql_of_a_release_works_on_the_newest_schema(path: Path, schema: int) -> None:
    """Every statement of its adapters finds the tables and columns that it names."""
    leave_database(path, schema)
    await SqliteDatabase.open(path).close()
    statements = statements_of(schema)

    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements.values():
            connection.execute(f"EXPLAIN {_PARAMETER.sub('NULL', statement)}")

    assert len(statements) > 30


@pytest.mark.parametrize(
    ("earlier", "later"),
    [*((str(schema), TODAY) for schema in SCHEMAS), (TODAY, NEXT)],
)
async def test_two_releases_work_on_one_database(path: Path, earlier: str, later: str) -> None:
    """The later one migrates while the earlier one serves, and neither loses anything."""
    if earlier == TODAY:
        await SqliteDatabase.open(path).close()
    else:
        leave_database(path, int(earlier))
    old = WorkingRelease(path, earlier, first=1)
    old.go()
    new = WorkingRelease(path, later, first=1_000_001)
    new.go()
    await asyncio.sleep(TOGETHER)
    counts = {1: old.finish(), 1_000_001: new.finish()}

    database = SqliteDatabase.open(path)
    revocations, families = SqliteRevocationList(database), SqliteRefreshFamilyStore(database)
    for first, count in counts.items():
        assert count > 1
        for number in range(first, first + count):
            assert await revocations.contains(token_id(number), now=NOW)
            found = await families.find(family_id(number), now=NOW)
            assert found is not None
            assert found.generation == Generation(family(number).generation + 1)
            assert found.least_access_generation == found.generation
    await database.close()


def test_four_processes_that_upgrade_at_once_migrate_once(path: Path) -> None:
    """One migrates, the others find it done."""
    leave_database(path, SCHEMAS[0])

    releases = [WorkingRelease(path, TODAY, first=number * 1_000) for number in range(1, 5)]
    for release in releases:
        release.go()

    assert all(release.finish() for release in releases)
    assert _columns(path) == _columns_of(len(migrate._migrations()))


@pytest.mark.parametrize("step", range(2, len(migrate._migrations()) + 1))
def test_a_migration_takes_nothing_from_the_release_before(step: int) -> None:
    """What was there stays as it is, or else `compatibility` tells who has to stay away."""
    before, after = _columns_of(step - 1), _columns_of(step)
    taken = [
        f"{table}.{name}"
        for table, columns in before.items()
        for name in _columns_that_matter(columns, after.get(table, {}))
    ]
    narrowed = _unique_indexes(step, before) - _unique_indexes(step - 1, before)

    assert not (taken or narrowed) or _least_schema(step) > _least_schema(step - 1)


def _columns_that_matter(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is gone, what is different, and what is new and may not be left out."""
    yield from (name for name, kind in before.items() if after.get(name) != kind)
    for name in after.keys() - before.keys():
        _type, not_null, default, key = after[name]
        if key or (not_null and default is None):
            yield name


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("ALTER TABLE families ADD COLUMN device TEXT", set()),
        ("ALTER TABLE families ADD COLUMN device TEXT NOT NULL DEFAULT ''", set()),
        ("ALTER TABLE families DROP COLUMN attempt", {"attempt"}),
        ("ALTER TABLE families RENAME COLUMN attempt TO trial", {"attempt"}),
    ],
)
def test_a_migration_that_takes_something_would_be_seen(change: str, found: set[str]) -> None:
    """The check above can fail."""
    newest = len(migrate._migrations())
    with contextlib.closing(_migrated(newest)) as connection:
        connection.execute(change)
        after = _read_columns(connection)["families"]

    assert set(_columns_that_matter(_columns_of(newest)["families"], after)) == found


RECORDS: Sequence[tuple[Record[Any], Any]] = [
    (CLIENT, client()),
    (FAMILY, family()),
    (CLAIMS, claims()),
    (KEY, sealed_keys()[0]),
    (SCOPE, scope_definition("invoices.read")),
    (RESOURCE, resource()),
    (POLICY, DeclaredPolicy()),
]


@pytest.mark.parametrize(("record", "value"), RECORDS)
def test_what_a_later_release_adds_to_a_record_is_passed_over(
    record: Record[Any], value: object
) -> None:
    """A record with members that nobody knows here reads as the one without."""
    written = msgspec.json.decode(record.write(value))

    assert record.read(msgspec.json.encode({**written, "shade": {"of": "grey"}})) == value


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_every_record_of_a_release_is_read(path: Path, schema: int) -> None:
    """What has been added to records since has a default."""
    leave_database(path, schema)
    tables: dict[str, Record[Any]] = {
        "clients": CLIENT,
        "families": FAMILY,
        "access_tokens": CLAIMS,
        "keys": KEY,
        "scopes": SCOPE,
        "resources": RESOURCE,
    }

    with contextlib.closing(sqlite3.connect(path)) as connection:
        for table, record in tables.items():
            rows = connection.execute(f"SELECT record FROM {table}").fetchall()  # noqa: S608  (our own names)
            assert rows
            assert all(record.read(row) for (row,) in rows)


def _columns_of(schema: int) -> Columns:
    with contextlib.closing(_migrated(schema)) as connection:
        return _read_columns(connection)


def _columns(path: Path) -> Columns:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return _read_columns(connection)


def _read_columns(connection: sqlite3.Connection) -> Columns:
    return {
        table: {
            name: tuple(rest)
            for _, name, *rest in connection.execute(f"PRAGMA table_info({table})")
        }
        for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    }


def _unique_indexes(schema: int, tables: Columns) -> set[tuple[str, str]]:
    with contextlib.closing(_migrated(schema)) as connection:
        return {
            (table, name)
            for table in tables
            for _, name, unique, *_ in connection.execute(f"PRAGMA index_list({table})")
            if unique
        }


def _least_schema(schema: int) -> int:
    with contextlib.closing(_migrated(schema)) as connection:
        if "compatibility" not in _read_columns(connection):
            return 0
        (least,) = connection.execute("SELECT least_schema FROM compatibility").fetchone()
        return int(least)


def _migrated(schema: int) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript("\n".join(migrate._migrations()[:schema]))
    return connection
