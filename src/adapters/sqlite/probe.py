"""Whether the embedded store works."""

import sqlite3

from adapters.sqlite.connection import SqliteDatabase
from domain.ports.probe import Probe


class SqliteProbe:
    """Goes through the writer: its thread lives, the lock is to be had, the file opens."""

    name = "sqlite"

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def check(self) -> None:
        await self._database.write(_read_version)


def _read_version(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT version FROM catalogue").fetchone()


_: type[Probe] = SqliteProbe
