"""Opaque access tokens, by digest, each until it expires."""

import sqlite3
from datetime import datetime

from adapters.milliseconds import to_ms
from adapters.records import CLAIMS
from adapters.sqlite.connection import SqliteDatabase
from domain.model.tokens import AccessTokenClaims, TokenDigest
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.reading import Reading, Ready

_ADD = "INSERT OR REPLACE INTO access_tokens (digest, expires_at, record) VALUES (?, ?, ?)"
_FIND = "SELECT record FROM access_tokens WHERE digest = ? AND expires_at > ?"
_REMOVE = "DELETE FROM access_tokens WHERE digest = ?"


class SqliteAccessTokenStore:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, digest: TokenDigest, claims: AccessTokenClaims, /) -> None:
        row = (digest, to_ms(claims.expires_at), CLAIMS.write(claims))

        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_ADD, row)

        await self._database.write(step, now=claims.issued_at)

    def find(self, digest: TokenDigest, /, *, now: datetime) -> Reading[AccessTokenClaims | None]:
        rows = self._database.fetch(_FIND, (digest, to_ms(now)))
        return Ready(CLAIMS.read(rows[0][0]) if rows else None)

    async def remove(self, digest: TokenDigest, /) -> bool:
        def step(connection: sqlite3.Connection) -> bool:
            return connection.execute(_REMOVE, (digest,)).rowcount > 0

        return await self._database.write(step)


_: type[AccessTokenStore] = SqliteAccessTokenStore
