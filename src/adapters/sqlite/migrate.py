"""Brings a database to the newest schema: forward only, all steps or none.

Releases work side by side on one database while it is upgraded, so a
migration only adds, and one that does not says so in `compatibility`.
"""

import sqlite3
from collections.abc import Sequence
from importlib.resources import files

from domain.errors import Unavailable


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that are missing; `user_version` counts those applied.

    The caller holds the writer lock.

    Raises:
        Unavailable: If a newer release has taken away what this one needs.
    """
    migrations = _migrations()
    (applied,) = connection.execute("PRAGMA user_version").fetchone()
    if pending := migrations[applied:]:
        steps = (*pending, f"PRAGMA user_version = {len(migrations)};")
        connection.executescript("\n".join(("BEGIN IMMEDIATE;", *steps, "COMMIT;")))
    (least,) = connection.execute("SELECT least_schema FROM compatibility").fetchone()
    if least > len(migrations):
        raise Unavailable(
            "the database was migrated by a newer release of grantd: who works on it has to know"
            f" its schema up to {least}, this release knows {len(migrations)}"
        )


def _migrations() -> Sequence[str]:
    folder = files("adapters.sqlite") / "migrations"
    scripts = (entry for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [script.read_text() for script in sorted(scripts, key=lambda script: script.name)]
