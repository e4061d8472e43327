"""Releases at an embedded store: one of the past under its own SQL, today's, and one to come.

As a program it opens the database named first as the release named second,
says `ready`, waits for a line, and then works until it gets the next, on
families and tokens numbered from the third on; it ends by naming how many.
"""

import asyncio
import contextlib
import importlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.sqlite import migrate
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.revocations import SqliteRevocationList
from domain.model.families import AttemptId, Rotated
from support.domain_samples import DAY, NOW, family, token_id

TODAY, NEXT = "today", "next"

# What a release to come may do: it only adds.
_NEXT_MIGRATION = """
ALTER TABLE families ADD COLUMN device TEXT;
ALTER TABLE revocations ADD COLUMN reason INTEGER NOT NULL DEFAULT 0;
CREATE TABLE devices (device TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT;
CREATE INDEX families_by_device ON families (device);
"""

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "sqlite"


def released_schemas() -> list[int]:
    """Return the schemas that some release had, the earliest first."""
    return sorted(int(path.stem.removeprefix("schema_")) for path in VECTORS.glob("schema_*.sql"))


def statements_of(schema: int) -> Mapping[str, str]:
    """Return the SQL of that release, by module and name."""
    path = VECTORS / f"statements_{schema:04}.json"
    loaded: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def left_behind(schema: int) -> Any:  # noqa: ANN401  (JSON has any shape)
    """Return what clients of the database that a release left behind hold."""
    return json.loads((VECTORS / f"schema_{schema:04}.json").read_text(encoding="utf-8"))


def leave_database(path: Path, schema: int) -> None:
    """Write the database that a release left behind, and its master key beside it."""
    script = (VECTORS / f"schema_{schema:04}.sql").read_text(encoding="utf-8")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(script)
    key = path.with_name("master.key")
    shutil.copy(VECTORS / "master.key", key)
    key.chmod(0o600)


def become(release: str) -> None:
    """Have the adapters of this process work as that release did, or will."""
    if release == NEXT:
        migrations = (*migrate._migrations(), _NEXT_MIGRATION)
        migrate._migrations = lambda: migrations
    elif release != TODAY:
        for name, statement in statements_of(int(release)).items():
            module, _, constant = name.partition(".")
            adapter = importlib.import_module(f"adapters.sqlite.{module}")
            if isinstance(getattr(adapter, constant, None), str):
                setattr(adapter, constant, statement)
        # It migrated its database long ago.
        connection = importlib.import_module("adapters.sqlite.connection")
        connection.migrate = lambda _connection: None  # type: ignore[attr-defined]


class WorkingRelease:
    """The program, seen from the test."""

    def __init__(self, database: Path, release: str, *, first: int) -> None:
        command = [sys.executable, __file__, str(database), release, str(first)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._read("ready")

    def go(self) -> None:
        self._write("go")
        self._read("working")

    def finish(self) -> int:
        """Return how many families and tokens it was told are safe."""
        self._write("stop")
        said, _ = self._process.communicate()
        assert self._process.returncode == 0
        return int(said)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _read(self, line: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{line}\n"


def say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def work(path: Path, first: int) -> None:
    """Revoke, open families and rotate them."""
    database = SqliteDatabase.open(path)
    revocations = SqliteRevocationList(database)
    families = SqliteRefreshFamilyStore(database)
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    stop = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    count = 0
    while not stop.done():
        opened = family(first + count)
        await revocations.add(token_id(first + count), until=NOW + DAY, now=NOW)
        assert await revocations.contains(token_id(first + count), now=NOW)
        await families.open(opened, limit=1_000_000, now=NOW)
        rotated = await families.rotate(
            opened.family_id,
            attempt=AttemptId(str(count)),
            presented=opened.generation,
            owner=opened.owner,
            now=NOW,
            grace=timedelta(),
            expires_at=NOW + DAY,
            retire_access=True,
        )
        assert isinstance(rotated, Rotated)
        count += 1
        if count == 1:
            say("working")
    await database.close()
    say(count)


if __name__ == "__main__":
    become(sys.argv[2])
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[3])))
