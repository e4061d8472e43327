"""Failed authentication: a count per key and window, and who is vouched for."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from adapters.milliseconds import from_ms, to_ms
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.gathering import Question
from domain.model.limits import Balance, LimitKey, Spent
from domain.ports.rate_limiter import RateLimiter
from domain.ports.reading import Reading

_SPENT = "SELECT failures || '|' || resets_at FROM spent_budgets WHERE limit_key = ?"
_VOUCHED_UNTIL = "SELECT expires_at FROM vouchers WHERE limit_key = ?"
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

    def peek(
        self, keys: Sequence[LimitKey], voucher: LimitKey, /, *, now: datetime
    ) -> Reading[Balance]:
        return self._database.ask(_peek(len(keys)), (*keys, voucher), now)

    async def spend(self, key: LimitKey, /, *, window: timedelta, now: datetime) -> None:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_END_WINDOW, (key, to_ms(now)))
            connection.execute(_SPEND, (key, to_ms(now + window)))

        await self._database.write(step, now=now)

    async def vouch(self, key: LimitKey, /, *, until: datetime, now: datetime) -> None:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_VOUCH, (key, to_ms(until)))

        await self._database.write(step, now=now)


@lru_cache(maxsize=16)
def _peek(budgets: int) -> Question[Balance]:
    return Question([_SPENT] * budgets + [_VOUCHED_UNTIL], _read_balance)


def _read_balance(found: tuple[Any, ...], now: datetime) -> Balance:
    spent, until = found[:-1], found[-1]
    if any(spent):
        spent = tuple(_read_budget(budget, now) for budget in spent)
    return Balance(spent, vouched=until is not None and until > to_ms(now))


def _read_budget(text: str | None, now: datetime) -> Spent | None:
    if text is None:
        return None
    failures, resets_at = map(int, text.split("|"))
    spent = Spent(failures, from_ms(resets_at))
    return spent if spent.resets_at > now else None


_: type[RateLimiter] = SqliteRateLimiter
