"""Several processes at one database file (D7)."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from adapters.sqlite.catalogue import SqliteCatalogueStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.revocations import SqliteRevocationList
from domain.model.identifiers import TokenId
from support.sqlite_program import NOW, SqliteProgram


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "grantd.db"


def written(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {token_id for (token_id,) in connection.execute("SELECT token_id FROM revocations")}


def test_four_processes_write_at_once_and_none_starves_or_fails(path: Path) -> None:
    """Each gets its share, at least an eighth of the fastest one's."""
    programs = [SqliteProgram(path, "write", name, 3) for name in "abcd"]
    for program in programs:
        program.wait_until_ready()
    for program in programs:
        program.go()

    ends = [program.finish() for program in programs]

    assert [code for code, _ in ends] == [0, 0, 0, 0]
    shares = [len(acknowledged) for _, acknowledged in ends]
    assert min(shares) >= max(shares) / 8 > 0
    assert {token_id for _, acknowledged in ends for token_id in acknowledged} == written(path)


async def test_what_another_process_acknowledged_is_in_the_next_read(path: Path) -> None:
    """However many reads went before, and whatever else is read with it."""
    program = SqliteProgram(path, "write", "other", 1)
    program.wait_until_ready()
    database = SqliteDatabase.open(path)
    revocations, catalogue = SqliteRevocationList(database), SqliteCatalogueStore(database)
    program.go()

    for token_id in map(TokenId, program.read(200)):
        version, revoked = catalogue.version(), revocations.contains(token_id, now=NOW)
        assert await version == 0
        assert await revoked is True
        revocations.contains(token_id, now=NOW)  # which nobody awaits

    assert program.finish()[0] == 0
    await database.close()


def test_twenty_processes_open_a_new_database_at_once(path: Path) -> None:
    """One of them makes it, the others find it, and all can write."""
    names = [f"process-{number}" for number in range(20)]
    programs = [SqliteProgram(path, "first_start", name) for name in names]
    for program in programs:
        program.wait_until_ready()
    for program in programs:
        program.go()

    ends = [program.finish() for program in programs]

    assert ends == [(0, [name]) for name in names]
    assert written(path) == set(names)


def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_there(path: Path) -> None:
    """Neither more nor less, and when there is room again the same process writes on."""
    program = SqliteProgram(path, "fill", 512 * 1024)
    program.wait_until_ready()
    program.go()

    code, acknowledged = program.finish()

    assert code == 0
    assert acknowledged[-1] == "afterwards"
    assert set(acknowledged) == written(path)


def test_what_a_killed_process_acknowledged_is_there(path: Path) -> None:
    """A kill loses nothing acknowledged, and nothing of it stands in the way of the next."""
    killed = SqliteProgram(path, "write", "killed", 60)
    beside = SqliteProgram(path, "write", "beside", 2)
    for program in (killed, beside):
        program.wait_until_ready()
        program.go()

    acknowledged = killed.read(300)
    killed.kill()
    _, rest = killed.finish()
    code, acknowledged_beside = beside.finish()

    assert code == 0
    assert {*acknowledged, *rest, *acknowledged_beside} <= written(path)
    late = SqliteProgram(path, "first_start", "late")
    late.wait_until_ready()
    late.go()
    assert late.finish() == (0, ["late"])
