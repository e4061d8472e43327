from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.model.limits import Balance, LimitKey, Spent
from domain.ports.rate_limiter import RateLimiter
from domain.ports.reading import Reading, Ready


class MemoryRateLimiter:
    def __init__(self) -> None:
        self._spent: dict[LimitKey, Spent] = {}
        self._vouched_until: dict[LimitKey, datetime] = {}

    def peek(
        self, keys: Sequence[LimitKey], voucher: LimitKey, /, *, now: datetime
    ) -> Reading[Balance]:
        until = self._vouched_until.get(voucher)
        spent = tuple(self._in_window(key, now) for key in keys)
        return Ready(Balance(spent, vouched=until is not None and now < until))

    async def spend(self, key: LimitKey, /, *, window: timedelta, now: datetime) -> None:
        spent = self._in_window(key, now) or Spent(0, now + window)
        self._spent[key] = Spent(spent.failures + 1, spent.resets_at)

    async def vouch(self, key: LimitKey, /, *, until: datetime, now: datetime) -> None:
        self._vouched_until[key] = max(until, self._vouched_until.get(key, now))

    def _in_window(self, key: LimitKey, now: datetime) -> Spent | None:
        spent = self._spent.get(key)
        return spent if spent is not None and now < spent.resets_at else None


_: type[RateLimiter] = MemoryRateLimiter
