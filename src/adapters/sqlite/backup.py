"""Copies of a database while it is in use, and putting one in its place."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from adapters.sqlite.lock import WriterLock
from domain.errors import Unavailable


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
    with _failures(f"cannot copy {database} to {to}"), drafted_beside(to) as draft:
        _copy(database, draft)
        _sync(draft)
        try:
            os.link(draft, to)
        except FileExistsError:
            raise BackupRefused(f"{to} is there already") from None
        _sync(to.parent)


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
        before = None
        if database.exists():
            _require_unused(database)
            before = database.with_name(f"{database.name}.before-{secrets.token_hex(4)}")
            os.link(database, before)
        _sync(draft)
        draft.replace(database)
        _sync(database.parent)
        return before


def _copy(source: Path, target: Path) -> None:
    uri = f"file:{quote(str(source.resolve()))}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True)) as reading,
        closing(sqlite3.connect(target, isolation_level=None)) as writing,
    ):
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode = DELETE")  # one file, whole without a log beside it
        ((verdict,),) = writing.execute("PRAGMA integrity_check(1)").fetchall()
        if verdict != "ok":
            raise BackupRefused(f"{source} is damaged: {verdict}")
        if not writing.execute("SELECT 1 FROM sqlite_schema WHERE name = 'clients'").fetchone():
            raise BackupRefused(f"{source} is no database of grantd")


def _require_unused(database: Path) -> None:
    """Refuse a database that is open: only the last one to have it may leave its log behind."""
    with (
        closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as last,
        suppress(sqlite3.OperationalError),
    ):
        (mode,) = last.execute("PRAGMA journal_mode = DELETE").fetchone()
        if mode == "delete":
            return
    raise BackupRefused(f"{database} is in use: stop grantd first")


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


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
