"""The arithmetic of many measurements."""

from collections.abc import Sequence


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the least of *ordered* that so many percent of it do not exceed; 0 of nothing."""
    if not ordered:
        return 0.0
    place = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(int(place), 1) - 1]
