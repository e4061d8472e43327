"""Round trips to the store as metrics."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from adapters.store_trips import TripKind, TripObserver
from adapters.telemetry.buckets import SECONDS


class TripMetrics:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        durations = Histogram(
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
        self._withhold = {kind: withheld.labels(kind.value).inc for kind in TripKind}
        self._observe = {kind: durations.labels(kind.value).observe for kind in TripKind}
        self._fail = {kind: errors.labels(kind.value).inc for kind in TripKind}

    def made(self, kind: TripKind, /, *, seconds: float, failed: bool) -> None:
        self._observe[kind](seconds)
        if failed:
            self._fail[kind]()

    def withheld(self, kind: TripKind, /) -> None:
        self._withhold[kind]()


_: type[TripObserver] = TripMetrics
