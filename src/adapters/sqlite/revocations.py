"""Revoked JWTs, by `jti`, each until its time is over."""

import sqlite3
from datetime import datetime

from adapters.milliseconds import to_ms
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.gathering import Question
from domain.model.identifiers import TokenId
from domain.ports.reading import Reading
from domain.ports.revocations import RevocationList

_ADD = (
    "INSERT INTO revocations (token_id, expires_at) VALUES (?, ?)"
    " ON CONFLICT (token_id) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)"
)


class SqliteRevocationList:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, token_id: TokenId, /, *, until: datetime, now: datetime) -> None:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_ADD, (token_id, to_ms(until)))

        await self._database.write(step, now=now)

    def contains(self, token_id: TokenId, /, *, now: datetime) -> Reading[bool]:
        return self._database.ask(_CONTAINS, (token_id,), now)


def _is_listed(until: int | None, now: datetime) -> bool:
    return until is not None and until > to_ms(now)


_CONTAINS = Question("SELECT expires_at FROM revocations WHERE token_id = ?", _is_listed)


_: type[RevocationList] = SqliteRevocationList
