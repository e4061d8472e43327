"""How long Redis keeps a key."""

from datetime import datetime

from adapters.milliseconds import in_ms


def ttl_ms(expires_at: datetime, *, now: datetime) -> int:
    """Return how long a key is to be kept, at least a moment.

    It is relative, so that Redis forgets nothing early however its clock
    differs from ours; what has expired is judged by ours.
    """
    return max(in_ms(expires_at - now), 1)
