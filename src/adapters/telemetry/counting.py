"""Counting in plain memory, and handing over to the files that all processes count in.

Each number there costs a lock and a write; for the few of every request that
is as much as all else that is told of it. Who is killed takes along what was
not handed over: the counts of a moment.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from adapters.telemetry.moments import OncePerMoment

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Bounds, from a request that an embedded store answers to one that has waited for it in vain."""


class Counting:
    """What one process counts."""

    def __init__(self) -> None:
        self._parts: list[Callable[[], None]] = []
        self._ask = OncePerMoment(self.hand_over).ask

    def count(self, counter: Counter) -> "Count":
        """Return what counts for one series of a metric."""
        made = Count(counter, self._ask)
        self._parts.append(made.hand_over)
        return made

    def level(self, gauge: Gauge) -> "Level":
        """Return what goes up and down for one series of a metric."""
        made = Level(gauge, self._ask)
        self._parts.append(made.hand_over)
        return made

    def durations(self, histogram: "DurationHistogram") -> "Durations":
        """Return what notes durations for one series of a metric."""
        made = Durations(histogram, self._ask)
        self._parts.append(made.hand_over)
        return made

    def hand_over(self) -> None:
        """Have everything where whoever reads metrics finds it."""
        for hand_over in self._parts:
            hand_over()


class Count:
    __slots__ = ("_counter", "_more", "_soon")

    def __init__(self, counter: Counter, soon: Callable[[], None]) -> None:
        self._counter = counter
        self._soon = soon
        self._more = 0

    def add(self, number: int = 1) -> None:
        self._more += number
        self._soon()

    def hand_over(self) -> None:
        if self._more:
            self._counter.inc(self._more)
            self._more = 0


class Level:
    __slots__ = ("_gauge", "_handed_over", "_now", "_soon")

    def __init__(self, gauge: Gauge, soon: Callable[[], None]) -> None:
        self._gauge = gauge
        self._soon = soon
        self._now = 0
        self._handed_over = 0

    def change(self, by: int) -> None:
        self._now += by
        self._soon()

    def hand_over(self) -> None:
        if self._now != self._handed_over:
            self._gauge.set(self._now)
            self._handed_over = self._now


class DurationHistogram(Histogram):
    """A histogram that takes many observations at once."""

    def take(self, counts: Sequence[int], total: float) -> None:
        """Add what was observed.

        Args:
            counts: How many there were up to each bound, and beyond the last.

            total: Their sum, in seconds.
        """
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


class Durations:
    __slots__ = ("_counts", "_histogram", "_soon", "_total")

    def __init__(self, histogram: DurationHistogram, soon: Callable[[], None]) -> None:
        self._histogram = histogram
        self._soon = soon
        self._counts = _no_counts()
        self._total = 0.0

    def note(self, seconds: float) -> None:
        self._counts[bisect_left(SECONDS, seconds)] += 1
        self._total += seconds
        self._soon()

    def hand_over(self) -> None:
        if any(self._counts):
            self._histogram.take(self._counts, self._total)
            self._counts, self._total = _no_counts(), 0.0


def _no_counts() -> list[int]:
    return [0] * (len(SECONDS) + 1)
