"""Spent client assertions, each until it would not be accepted anyway."""

import sqlite3
from datetime import datetime

from adapters.milliseconds import to_ms
from adapters.sqlite.connection import SqliteDatabase
from domain.model.assertions import AssertionId
from domain.ports.assertions import AssertionReplays

_SPEND = (
    "INSERT INTO spent_assertions (assertion_id, expires_at) VALUES (:assertion_id, :until)"
    " ON CONFLICT (assertion_id) DO UPDATE SET expires_at = :until WHERE expires_at <= :now"
)


class SqliteAssertionReplays:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def spend(self, assertion_id: AssertionId, /, *, until: datetime, now: datetime) -> bool:
        spending = {
            "assertion_id": assertion_id,
            "until": to_ms(until),
            "now": to_ms(now),
        }

        def step(connection: sqlite3.Connection) -> bool:
            return connection.execute(_SPEND, spending).rowcount > 0

        return await self._database.write(step, now=now)


_: type[AssertionReplays] = SqliteAssertionReplays
