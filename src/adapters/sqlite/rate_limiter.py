"""Failed authentication: a count per key and window, and who is vouched for."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from adapters.milliseconds import from_ms, to_ms
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.gathering import Question
from domain.model.limits import LimitKey, Spent
from domain.ports.rate_limiter import RateLimiter
from domain.ports.reading import Reading

_END_WINDOW = "DELETE FROM spent_budgets WHERE limit_key = ? AND resets_at <= ?"
_SPEND = (
    "INSERT INTO spent_budgets (limit_key, failures, resets_at) VALUES (?, 1, ?)"
    " ON CONFLICT (limit_key) DO UPDATE SET failures = failures + 1"
)
_VOUCH = (
    "INSERT INTO vouchers (limit_key, expires_at) VALUES (?, ?)"
    " ON CONFLICT (limit_key) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)"
)


class SqliteRateLimiter:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def peek(self, keys: Sequence[LimitKey], /, *, now: datetime) -> Reading[Sequence[Spent]]:
        return self._database.ask(_peek(len(keys)), keys, now)

    async def spend(self, key: LimitKey, /, *, window: timedelta, now: datetime) -> None:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_END_WINDOW, (key, to_ms(now)))
            connection.execute(_SPEND, (key, to_ms(now + window)))

        await self._database.write(step, now=now)

    def is_vouched(self, key: LimitKey, /, *, now: datetime) -> Reading[bool]:
        return self._database.ask(_IS_VOUCHED, (key,), now)

    async def vouch(self, key: LimitKey, /, *, until: datetime, now: datetime) -> None:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_VOUCH, (key, to_ms(until)))

        await self._database.write(step, now=now)


@lru_cache(maxsize=16)
def _peek(budgets: int) -> Question[Sequence[Spent]]:
    return Question(
        "SELECT failures || '|' || resets_at FROM spent_budgets WHERE limit_key = ?",
        _read_budgets,
        times=budgets,
    )


def _read_budgets(found: Sequence[str | None], now: datetime) -> Sequence[Spent]:
    nothing = Spent(0, now)
    return [nothing if budget is None else _read_budget(budget, nothing) for budget in found]


def _read_budget(text: str, nothing: Spent) -> Spent:
    failures, resets_at = map(int, text.split("|"))
    spent = Spent(failures, from_ms(resets_at))
    return spent if spent.resets_at > nothing.resets_at else nothing


def _holds(until: int | None, now: datetime) -> bool:
    return until is not None and until > to_ms(now)


_IS_VOUCHED = Question("SELECT expires_at FROM vouchers WHERE limit_key = ?", _holds)

_: type[RateLimiter] = SqliteRateLimiter
