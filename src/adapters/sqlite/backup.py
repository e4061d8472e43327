"""Copies of a database while it is in use, and putting one in its place."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from fcntl import LOCK_EX, LOCK_NB, lockf
from pathlib import Path
from typing import Final
from urllib.parse import quote

from adapters.durable_files import sync
from adapters.sqlite.lock import WriterLock
from domain.errors import Unavailable

# Of which everybody who has a database open keeps a part locked:
# https://sqlite.org/fileformat2.html#the_lock_byte_page
_LOCK_BYTES: Final = 512
_FIRST_LOCK_BYTE: Final = 0x4000_0000

_IN_ONE_FILE: Final = "PRAGMA journal_mode = DELETE"  # whole without a log beside it


class BackupRefused(Exception):
    """A copy cannot be made or put in place; its text says why and nothing was changed."""


def back_up(database: Path, to: Path) -> None:
    """Copy a database as of one moment, while others read and write it.

    The copy is complete and on disk when this returns, or not there at all.

    Raises:
        BackupRefused: If there is nothing to copy, or a file at *to* already.
        Unavailable: If the database cannot be read or the copy not written.
    """
    if not database.exists():
        raise BackupRefused(f"there is no database {database}")
    if to.exists():
        raise BackupRefused(f"{to} is there already")
    with _failures(f"cannot copy {database} to {to}"), drafted_beside(to) as draft:
        _copy(database, draft)
        sync(draft)
        try:
            os.link(draft, to)
        except FileExistsError:
            raise BackupRefused(f"{to} is there already") from None
        sync(to.parent)


@contextmanager
def drafted_beside(path: Path) -> Iterator[Path]:
    """Make an empty file beside *path*, for the owner only; what is left of it goes at the end."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        yield draft
    finally:
        for left in list(draft.parent.iterdir()):
            if left.name.startswith(draft.name):
                left.unlink()


def copy_for_restore(backup: Path, draft: Path) -> None:
    """Copy a backup to where it can be looked at and changed.

    Raises:
        BackupRefused: If it is no sound database.
        Unavailable: If it cannot be read, or the copy not written.
    """
    if not backup.is_file():
        raise BackupRefused(f"there is no file {backup}")
    with _failures(f"cannot read {backup}"):
        _copy(backup, draft)


def require_unused(database: Path) -> None:
    """Refuse a database that a process has open, be it sound or damaged: nothing of it is read.

    Raises:
        BackupRefused: If a process has it open.
        Unavailable: If nobody can tell.
    """
    with _failures(f"cannot look at {database}"):
        if not database.exists():
            return
        with database.open("r+b") as file:
            try:
                lockf(file, LOCK_EX | LOCK_NB, _LOCK_BYTES, _FIRST_LOCK_BYTE)
            except BlockingIOError:
                raise BackupRefused(f"{database} is in use: stop grantd first") from None


def put_in_place(draft: Path, database: Path) -> Path | None:
    """Make *draft* the database, and return where the one before is now, if there was one.

    Raises:
        BackupRefused: If a process has the database open.
        Unavailable: If files cannot be moved.
    """
    with (
        _failures(f"cannot put {database} in place"),
        closing(WriterLock.beside(database)) as lock,
        lock,
    ):
        require_unused(database)
        with closing(sqlite3.connect(draft, isolation_level=None)) as last:
            last.execute(_IN_ONE_FILE)
        sync(draft)
        before = _put_aside(database)
        draft.replace(database)
        sync(database.parent)
        return before


def _put_aside(database: Path) -> Path | None:
    """Keep a database under another name, and take away the log that belongs to it.

    SQLite would read a log that stayed into whatever takes the database's
    place, even if the database itself is lost.
    """
    before = database.with_name(f"{database.name}.before-{secrets.token_hex(4)}")
    kept = [suffix for suffix in ("", "-wal") if Path(f"{database}{suffix}").exists()]
    for suffix in kept:
        os.link(f"{database}{suffix}", f"{before}{suffix}")
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    return before if "" in kept else None


def _copy(source: Path, target: Path) -> None:
    uri = f"file:{quote(str(source.resolve()))}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True)) as reading,
        closing(sqlite3.connect(target, isolation_level=None)) as writing,
    ):
        reading.backup(writing)
        writing.execute(_IN_ONE_FILE)
        ((verdict,),) = writing.execute("PRAGMA integrity_check(1)").fetchall()
        if verdict != "ok":
            raise BackupRefused(f"{source} is damaged: {verdict}")
        if not writing.execute("SELECT 1 FROM sqlite_schema WHERE name = 'clients'").fetchone():
            raise BackupRefused(f"{source} is no database of grantd")


@contextmanager
def _failures(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise Unavailable(f"{what}: {error}") from error
        raise BackupRefused(f"{what}: {error}") from error
    except OSError as error:
        raise Unavailable(f"{what}: {error.strerror}") from error
