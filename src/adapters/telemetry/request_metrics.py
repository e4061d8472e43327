"""Requests as metrics. No label tells of a client, and each has few values."""

from itertools import product
from typing import Final, TypeAlias

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from adapters.request_record import (
    PROTOCOLS,
    Endpoint,
    Outcome,
    RequestObserver,
    RequestRecord,
)
from adapters.telemetry.counting import SECONDS, Count, Counting, DurationHistogram, Durations
from domain.errors import ErrorCode
from domain.model.clients import GrantType

NO_GRANT: Final = ""
OTHER_GRANT: Final = "other"

_GRANTS: Final = {NO_GRANT: NO_GRANT, **{grant.value: grant.value for grant in GrantType}}
_ALL_GRANTS: Final = (*_GRANTS, OTHER_GRANT)

_Series: TypeAlias = tuple[str, Endpoint, str, Outcome]


class RequestMetrics:
    """Counts requests as they end."""

    def __init__(self, counting: Counting, registry: CollectorRegistry = REGISTRY) -> None:
        self._counting = counting
        self._ended = Counter(
            "grantd_requests",
            "Requests that ended, by what was asked for and how it ended.",
            ["protocol", "endpoint", "grant", "outcome"],
            registry=registry,
        )
        self._begin_at_zero(ErrorCode.SERVER_ERROR)
        self._took = DurationHistogram(
            "grantd_request_duration_seconds",
            "Time from a request having arrived to its answer being out.",
            ["protocol", "endpoint"],
            buckets=SECONDS,
            registry=registry,
        )
        self._turned_away = Counter(
            "grantd_early_refusals",
            "Requests refused before they were read: malformed, too large, too slow, too many.",
            ["protocol", "status"],
            registry=registry,
        )
        self._in_flight = counting.level(
            Gauge(
                "grantd_requests_in_flight",
                "Requests that are being answered.",
                multiprocess_mode="livesum",
                registry=registry,
            )
        )
        self._series: dict[_Series, tuple[Count, Durations]] = {}
        self._durations: dict[tuple[str, Endpoint], Durations] = {}

    def _begin_at_zero(self, outcome: ErrorCode) -> None:
        """Have the first of these seen: Prometheus sees no increase where nothing was before."""
        for protocol, endpoint in product(PROTOCOLS, Endpoint):
            for grant in _ALL_GRANTS if endpoint is Endpoint.TOKEN else (NO_GRANT,):
                self._ended.labels(protocol, endpoint.value, grant, outcome.value)

    def began(self) -> None:
        self._in_flight.change(1)

    def ended(self, record: RequestRecord, /, *, seconds: float) -> None:
        self._in_flight.change(-1)
        series = (
            record.protocol,
            record.endpoint,
            _GRANTS.get(record.grant_type, OTHER_GRANT),
            record.outcome,
        )
        count, durations = self._series.get(series) or self._begin(series)
        count.add()
        durations.note(seconds)

    def _begin(self, series: _Series) -> tuple[Count, Durations]:
        protocol, endpoint, _, _ = series
        where = (protocol, endpoint)
        if where not in self._durations:
            self._durations[where] = self._counting.durations(self._took.labels(*where))
        count = self._counting.count(self._ended.labels(*series))
        self._series[series] = count, self._durations[where]
        return self._series[series]

    def turned_away(self, record: RequestRecord, /) -> None:
        self._turned_away.labels(record.protocol, str(record.status)).inc()


_: type[RequestObserver] = RequestMetrics
