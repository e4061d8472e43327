"""Failed authentication: a count per key and window, and who is vouched for."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from adapters.milliseconds import from_ms, to_ms
from adapters.sqlite.connection import SqliteDatabase
from domain.model.limits import LimitKey, Spent
from domain.ports.rate_limiter import RateLimiter
from domain.ports.reading import Reading, Ready

_PEEK = "SELECT failures, resets_at FROM spent_budgets WHERE limit_key = ? AND resets_at > ?"
_END_WINDOW = "DELETE FROM spent_budgets WHERE limit_key = ? AND resets_at <= ?"
_SPEND = (
    "INSERT INTO spent_budgets (limit_key, failures, resets_at) VALUES (?, 1, ?)"
    " ON CONFLICT (limit_key) DO UPDATE SET failures = failures + 1"
)
_IS_VOUCHED = "SELECT 1 FROM vouchers WHERE limit_key = ? AND expires_at > ?"
_VOUCH = (
    "INSERT INTO vouchers (limit_key, expires_at) VALUES (?, ?)"
    " ON CONFLICT (limit_key) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)"
)


class SqliteRateLimiter:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def peek(self, keys: Sequence[LimitKey], /, *, now: datetime) -> Reading[Sequence[Spent]]:
        return Ready([self._spent(key, now) for key in keys])

    async def spend(self, key: LimitKey, /, *, window: timedelta, now: datetime) -> None:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_END_WINDOW, (key, to_ms(now)))
            connection.execute(_SPEND, (key, to_ms(now + window)))

        await self._database.write(step, now=now)

    def is_vouched(self, key: LimitKey, /, *, now: datetime) -> Reading[bool]:
        return Ready(bool(self._database.fetch(_IS_VOUCHED, (key, to_ms(now)))))

    async def vouch(self, key: LimitKey, /, *, until: datetime, now: datetime) -> None:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_VOUCH, (key, to_ms(until)))

        await self._database.write(step, now=now)

    def _spent(self, key: LimitKey, now: datetime) -> Spent:
        rows = self._database.fetch(_PEEK, (key, to_ms(now)))
        if not rows:
            return Spent(0, now)
        failures, resets_at = rows[0]
        return Spent(failures, from_ms(resets_at))


_: type[RateLimiter] = SqliteRateLimiter
