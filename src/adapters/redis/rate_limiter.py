"""Failed authentication in Redis: what is spent of each budget, and who is vouched for.

A budget is one string, as scripts/spend_budget.lua describes it; a voucher is
one string, the time until which it holds.
"""

from collections.abc import Generator, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.milliseconds import from_ms, to_ms
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.gathering import Answer, Value
from adapters.redis.times import ttl_ms
from domain.model.limits import Balance, LimitKey, Spent
from domain.ports.rate_limiter import RateLimiter
from domain.ports.reading import Reading


class RedisRateLimiter:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    def peek(
        self, asked: Sequence[LimitKey], voucher: LimitKey, /, *, now: datetime
    ) -> Reading[Balance]:
        ask = self._connection.ask
        return _Together(
            [ask(keys.spent_budget(key), _read, now) for key in asked],
            ask(keys.voucher(voucher), _holds, now),
        )

    async def spend(self, key: LimitKey, /, *, window: timedelta, now: datetime) -> None:
        budget, resets_at = keys.spent_budget(key), now + window
        await self._connection.run(
            scripts.SPEND_BUDGET,
            keys=(budget, keys.receipt(budget)),
            arguments=(to_ms(resets_at), ttl_ms(resets_at, now=now), to_ms(now)),
        )

    async def vouch(self, key: LimitKey, /, *, until: datetime, now: datetime) -> None:
        await self._connection.run(
            scripts.VOUCH,
            keys=(keys.voucher(key),),
            arguments=(to_ms(until), ttl_ms(until, now=now)),
        )


class _Together:
    """Budgets and a voucher as one reading."""

    __slots__ = ("_budgets", "_voucher")

    def __init__(self, budgets: Sequence[Answer[Spent | None]], voucher: Answer[bool]) -> None:
        self._budgets = budgets
        self._voucher = voucher

    def __await__(self) -> Generator[Any, None, Balance]:
        spent = []
        for budget in self._budgets:
            found = yield from budget.__await__()
            spent.append(found)
        vouched = yield from self._voucher.__await__()
        return Balance(tuple(spent), vouched)


def _read(value: Value, now: datetime) -> Spent | None:
    if value is None:
        return None
    failures, resets_at = map(int, value.split(b"|"))
    spent = Spent(failures, from_ms(resets_at))
    return spent if now < spent.resets_at else None


def _holds(until: Value, now: datetime) -> bool:
    return until is not None and to_ms(now) < int(until)


_: type[RateLimiter] = RedisRateLimiter
