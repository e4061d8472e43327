"""Putting a backup in the place of a database, whatever is left of that one."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sqlite.backup import (
    BackupRefused,
    back_up,
    copy_for_restore,
    drafted_beside,
    put_in_place,
)

_READING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM clients").fetchall()
print("reading", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "grantd.db"


@pytest.fixture
def backup(database: Path) -> Path:
    """Return a backup that has one client, `kept`."""
    copy = database.with_name("backup.db")
    with closing(_open(database)) as connection:
        connection.execute("CREATE TABLE clients (client_id TEXT)")
        connection.execute("INSERT INTO clients VALUES ('kept')")
        back_up(database, copy)
    return copy


@pytest.fixture
def killed(database: Path, backup: Path) -> Path:
    """Return a database whose last commit, the client `later`, is in its log alone."""
    logged = database.with_name("logged")
    with closing(_open(database)) as connection:
        connection.execute("INSERT INTO clients VALUES ('later')")
        for suffix in ("", "-wal"):
            Path(f"{logged}{suffix}").write_bytes(Path(f"{database}{suffix}").read_bytes())
    for suffix in ("", "-wal"):
        Path(f"{logged}{suffix}").replace(f"{database}{suffix}")
    return database


def _open(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


def _clients(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [client_id for (client_id,) in connection.execute("SELECT client_id FROM clients")]


def _restore(backup: Path, database: Path) -> Path | None:
    with drafted_beside(database) as draft:
        copy_for_restore(backup, draft)
        return put_in_place(draft, database)


class TestWhatIsLeftOfTheDatabase:
    def test_the_log_of_a_killed_process_stays_with_its_database(
        self, backup: Path, killed: Path
    ) -> None:
        """What was committed last can still be read beside it, and is not read into the backup."""
        before = _restore(backup, killed)

        assert _clients(killed) == ["kept"]
        assert before is not None
        assert _clients(before) == ["kept", "later"]

    def test_the_log_of_a_lost_database_is_not_read_into_the_backup(
        self, backup: Path, killed: Path
    ) -> None:
        """A database may be lost and its log be left."""
        killed.unlink()

        assert _restore(backup, killed) is None

        assert _clients(killed) == ["kept"]

    @pytest.mark.parametrize("damage", [b"no database at all", b""])
    def test_a_damaged_database_is_put_aside_as_it_is(
        self, backup: Path, killed: Path, damage: bytes
    ) -> None:
        """That is when a backup is needed most."""
        killed.write_bytes(damage)
        log = Path(f"{killed}-wal").read_bytes()

        before = _restore(backup, killed)

        assert _clients(killed) == ["kept"]
        assert before is not None
        assert before.read_bytes() == damage
        assert Path(f"{before}-wal").read_bytes() == log


class TestWhatHasToStay:
    @pytest.fixture
    def in_use(self, database: Path, backup: Path) -> Iterator[Path]:
        """Return a database that another process has open."""
        with subprocess.Popen(
            [sys.executable, "-c", _READING, str(database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            yield database

    @pytest.mark.parametrize("is_sound", [True, False])
    def test_a_database_in_use_is_refused(
        self, backup: Path, in_use: Path, *, is_sound: bool
    ) -> None:
        """Whoever has it open would go on writing into a file that nobody finds any more."""
        if not is_sound:
            with in_use.open("r+b") as file:
                file.write(b"no database at all")

        with pytest.raises(BackupRefused, match="in use"):
            _restore(backup, in_use)

        assert not list(in_use.parent.glob("*before*"))

    @pytest.mark.parametrize("there", ["a file", "a folder"])
    def test_a_backup_takes_no_name_that_is_taken(
        self, database: Path, backup: Path, there: str
    ) -> None:
        """Neither that of an older one nor that of a folder."""
        to = backup if there == "a file" else backup.parent

        with pytest.raises(BackupRefused, match="there already"):
            back_up(database, to)
