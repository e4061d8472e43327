"""Failed authentication in Redis: what is spent of each budget, and who is vouched for.

A budget is one string, as scripts/spend_budget.lua describes it; a voucher is
one string, the time until which it holds.
"""

from collections.abc import Generator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from adapters.milliseconds import from_ms, to_ms
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.gathering import Decoded, Value
from adapters.redis.times import ttl_ms
from domain.model.limits import LimitKey, Spent
from domain.ports.rate_limiter import RateLimiter
from domain.ports.reading import Reading


class RedisRateLimiter:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    def peek(self, asked: Sequence[LimitKey], /, *, now: datetime) -> Reading[Sequence[Spent]]:
        return _InOrder(
            [
                Decoded(self._connection.get(keys.spent_budget(key)), partial(_read, now))
                for key in asked
            ]
        )

    async def spend(self, key: LimitKey, /, *, window: timedelta, now: datetime) -> None:
        budget, resets_at = keys.spent_budget(key), now + window
        await self._connection.run(
            scripts.SPEND_BUDGET,
            keys=(budget, keys.receipt(budget)),
            arguments=(to_ms(resets_at), ttl_ms(resets_at, now=now), to_ms(now)),
        )

    def is_vouched(self, key: LimitKey, /, *, now: datetime) -> Reading[bool]:
        return Decoded(self._connection.get(keys.voucher(key)), partial(_holds, to_ms(now)))

    async def vouch(self, key: LimitKey, /, *, until: datetime, now: datetime) -> None:
        await self._connection.run(
            scripts.VOUCH,
            keys=(keys.voucher(key),),
            arguments=(to_ms(until), ttl_ms(until, now=now)),
        )


class _InOrder:
    """Readings of one turn as one reading."""

    __slots__ = ("_readings",)

    def __init__(self, readings: Sequence[Decoded[Spent]]) -> None:
        self._readings = readings

    def __await__(self) -> Generator[Any, None, Sequence[Spent]]:
        return self._answers().__await__()

    async def _answers(self) -> Sequence[Spent]:
        return [await reading for reading in self._readings]


def _read(now: datetime, value: Value) -> Spent:
    if value is not None:
        failures, resets_at = map(int, value.split(b"|"))
        if now < from_ms(resets_at):
            return Spent(failures, from_ms(resets_at))
    return Spent(0, now)


def _holds(now: int, until: Value) -> bool:
    return until is not None and now < int(until)


_: type[RateLimiter] = RedisRateLimiter
