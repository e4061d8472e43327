"""Opaque access tokens, by digest, each until it expires."""

import sqlite3
from datetime import datetime

from adapters.milliseconds import to_ms
from adapters.records import CLAIMS, Remembered
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.gathering import Question
from domain.model.tokens import AccessTokenClaims, TokenDigest
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.reading import Reading

_ADD = "INSERT OR REPLACE INTO access_tokens (digest, expires_at, record) VALUES (?, ?, ?)"
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
        return self._database.ask(_FIND, (digest,), (digest, now))

    async def remove(self, digest: TokenDigest, /) -> bool:
        def step(connection: sqlite3.Connection) -> bool:
            return connection.execute(_REMOVE, (digest,)).rowcount > 0

        return await self._database.write(step)


_read = Remembered(CLAIMS.read)


def _unexpired(
    record: bytes | None, asked: tuple[TokenDigest, datetime]
) -> AccessTokenClaims | None:
    digest, now = asked
    claims = _read(record, digest)
    return claims if claims is not None and claims.expires_at > now else None


_FIND = Question("SELECT record FROM access_tokens WHERE digest = ?", _unexpired)

_: type[AccessTokenStore] = SqliteAccessTokenStore
