"""Times as scripts compare them: whole milliseconds since 1970."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def to_ms(time: datetime) -> int:
    return (time - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    return _EPOCH + ms * _MILLISECOND


def in_ms(duration: timedelta) -> int:
    return duration // _MILLISECOND


def ttl_ms(expires_at: datetime, *, now: datetime) -> int:
    """Return how long a key is to be kept, at least a moment.

    It is relative, so that Redis forgets nothing early however its clock
    differs from ours; what has expired is judged by ours.
    """
    return max(in_ms(expires_at - now), 1)
