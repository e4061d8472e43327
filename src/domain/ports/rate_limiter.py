from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.model.limits import Balance, LimitKey
from domain.ports.reading import Reading


class RateLimiter(Protocol):
    """Counts failures per key and window, over all workers and nodes."""

    def peek(
        self, keys: Sequence[LimitKey], voucher: LimitKey, /, *, now: datetime
    ) -> Reading[Balance]:
        """Begin to read how a ledger stands; reading spends nothing.

        Args:
            keys: Those of its accounts. Of a window that has ended nothing is spent.

            voucher: Vouched for if that was said, and its time has not run out.
        """
        ...

    async def spend(self, key: LimitKey, /, *, window: timedelta, now: datetime) -> None:
        """Count one failure, in one atomic step; the first begins a window of that length."""
        ...

    async def vouch(self, key: LimitKey, /, *, until: datetime, now: datetime) -> None:
        """Vouch for a key until *until*."""
        ...
