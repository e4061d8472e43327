from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.model.limits import LimitKey, Spent
from domain.ports.reading import Reading


class RateLimiter(Protocol):
    """Counts failures per key and window, over all workers and nodes."""

    def peek(self, keys: Sequence[LimitKey], /, *, now: datetime) -> Reading[Sequence[Spent]]:
        """Begin to read what is spent under each key, in their order; reading spends nothing."""
        ...

    async def spend(self, key: LimitKey, /, *, window: timedelta, now: datetime) -> None:
        """Count one failure, in one atomic step; the first begins a window of that length."""
        ...

    def is_vouched(self, key: LimitKey, /, *, now: datetime) -> Reading[bool]:
        """Begin to ask whether a key was vouched for, and the time has not run out."""
        ...

    async def vouch(self, key: LimitKey, /, *, until: datetime, now: datetime) -> None:
        """Vouch for a key until *until*."""
        ...
