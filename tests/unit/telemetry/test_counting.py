"""Counts on their way to the files of prometheus-client: all of them, once."""

import asyncio
import random
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from adapters.telemetry.counting import SECONDS, Counting, DurationHistogram


def values(registry: CollectorRegistry) -> Mapping[tuple[str, str], float]:
    """Return what there is to read, by name and bound."""
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


async def test_what_is_counted_is_there_at_the_end_of_the_turn() -> None:
    """Whoever got an answer and looks finds its request counted."""
    registry = CollectorRegistry()
    count = Counting().count(Counter("calls", "Calls.", registry=registry))

    for _ in range(3):
        count.add()
    count.add(4)
    assert values(registry)["calls_total", ""] == 0
    await asyncio.sleep(0)

    assert values(registry)["calls_total", ""] == 7


async def test_nothing_is_handed_over_twice() -> None:
    registry = CollectorRegistry()
    counting = Counting()
    count = counting.count(Counter("calls", "Calls.", registry=registry))
    durations = counting.durations(
        DurationHistogram("took", "Durations.", buckets=SECONDS, registry=registry)
    )

    count.add()
    durations.note(0.3)
    for _ in range(3):
        counting.hand_over()

    assert values(registry)["calls_total", ""] == 1
    assert values(registry)["took_count", ""] == 1


async def test_a_histogram_is_that_of_the_library() -> None:
    """Bounds belong to what is below them, and what is beyond the last is not lost."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counting = Counting()
    durations = counting.durations(
        DurationHistogram("took", "Durations.", buckets=SECONDS, registry=ours)
    )
    reference = Histogram("took", "Durations.", buckets=SECONDS, registry=theirs)
    seconds = [0.0, *SECONDS, 60.0, *(random.expovariate(100) for _ in range(1_000))]

    for number, duration in enumerate(seconds):
        durations.note(duration)
        reference.observe(duration)
        if number % 100 == 0:
            counting.hand_over()
    counting.hand_over()

    told, expected = values(ours), values(theirs)
    total = told["took_sum", ""] - expected["took_sum", ""]
    assert abs(total) < 1e-9
    assert {**told, ("took_sum", ""): 0} == {**expected, ("took_sum", ""): 0}


async def test_a_level_is_told_as_it_is() -> None:
    """Not as it was in between."""
    registry = CollectorRegistry()
    counting = Counting()
    level = counting.level(Gauge("here", "Who is here.", registry=registry))

    for change in (1, 1, 1, -1):
        level.change(change)
    counting.hand_over()
    assert values(registry)["here", ""] == 2
    for _ in range(2):
        level.change(-1)
    counting.hand_over()

    assert values(registry)["here", ""] == 0
