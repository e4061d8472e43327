"""Round trips to the store as metrics."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter

from adapters.store_trips import TripKind, TripObserver
from adapters.telemetry.counting import SECONDS, Counting, DurationHistogram


class TripMetrics:
    def __init__(self, counting: Counting, registry: CollectorRegistry = REGISTRY) -> None:
        durations = DurationHistogram(
            "grantd_store_trip_duration_seconds",
            "Time of a round trip to the store, answered or failed;"
            " one that reads is shared by all requests of its turn.",
            ["kind"],
            buckets=SECONDS,
            registry=registry,
        )
        errors = Counter(
            "grantd_store_errors",
            "Round trips to the store that failed; one that is safe to repeat is repeated.",
            ["kind"],
            registry=registry,
        )
        withheld = Counter(
            "grantd_store_withheld",
            "Round trips to the store that were not made, since it was known to be away.",
            ["kind"],
            registry=registry,
        )
        self._withheld = {kind: counting.count(withheld.labels(kind.value)) for kind in TripKind}
        self._took = {kind: counting.durations(durations.labels(kind.value)) for kind in TripKind}
        self._failed = {kind: counting.count(errors.labels(kind.value)) for kind in TripKind}

    def made(self, kind: TripKind, /, *, seconds: float, failed: bool) -> None:
        self._took[kind].note(seconds)
        if failed:
            self._failed[kind].add()

    def withheld(self, kind: TripKind, /) -> None:
        self._withheld[kind].add()


_: type[TripObserver] = TripMetrics
