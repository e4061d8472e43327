"""Brings a database to the newest schema: forward only, all steps or none."""

import sqlite3
from collections.abc import Sequence
from importlib.resources import files

from domain.errors import Unavailable


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that are missing; `user_version` counts those applied.

    The caller holds the writer lock.

    Raises:
        Unavailable: If a newer release has migrated the database further.
    """
    migrations = _migrations()
    (applied,) = connection.execute("PRAGMA user_version").fetchone()
    if applied > len(migrations):
        raise Unavailable(
            f"the database was migrated by a newer release of grantd: its schema is {applied},"
            f" this release knows {len(migrations)}"
        )
    if pending := migrations[applied:]:
        steps = (*pending, f"PRAGMA user_version = {len(migrations)};")
        connection.executescript("\n".join(("BEGIN IMMEDIATE;", *steps, "COMMIT;")))


def _migrations() -> Sequence[str]:
    folder = files("adapters.sqlite") / "migrations"
    scripts = (entry for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [script.read_text() for script in sorted(scripts, key=lambda script: script.name)]
