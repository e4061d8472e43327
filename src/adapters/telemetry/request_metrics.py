"""Requests as metrics. No label tells of a client, and each has few values."""

import asyncio
from itertools import product
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from adapters.request_record import PROTOCOLS, Endpoint, RequestObserver, RequestRecord
from adapters.telemetry.buckets import SECONDS
from domain.errors import ErrorCode
from domain.model.clients import GrantType

NO_GRANT: Final = ""
OTHER_GRANT: Final = "other"

_GRANTS: Final = {NO_GRANT: NO_GRANT, **{grant.value: grant.value for grant in GrantType}}
_ALL_GRANTS: Final = (*_GRANTS, OTHER_GRANT)
_GAUGE_EVERY: Final = 1.0


class RequestMetrics:
    """Counts requests as they end.

    How many are in flight is noted once a second while there are any: nobody
    looks more often, and each note costs as much as counting.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._ended = Counter(
            "grantd_requests",
            "Requests that ended, by what was asked for and how it ended.",
            ["protocol", "endpoint", "grant", "outcome"],
            registry=registry,
        )
        self._begin_at_zero(ErrorCode.SERVER_ERROR)
        self._durations = Histogram(
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
        self._in_flight_gauge = Gauge(
            "grantd_requests_in_flight",
            "Requests that are being answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._in_flight = 0
        self._noting = False
        self._counters: dict[tuple[str, ...], Counter] = {}
        self._histograms: dict[tuple[str, ...], Histogram] = {}

    def _begin_at_zero(self, outcome: ErrorCode) -> None:
        """Have the first of these seen: Prometheus sees no increase where nothing was before."""
        for protocol, endpoint in product(PROTOCOLS, Endpoint):
            for grant in _ALL_GRANTS if endpoint is Endpoint.TOKEN else (NO_GRANT,):
                self._ended.labels(protocol, endpoint.value, grant, outcome.value)

    def began(self) -> None:
        self._in_flight += 1
        if not self._noting:
            self._noting = True
            asyncio.get_running_loop().call_later(_GAUGE_EVERY, self._note_in_flight)

    def ended(self, record: RequestRecord, /, *, seconds: float) -> None:
        self._in_flight -= 1
        self._count(record)
        where = (record.protocol, record.endpoint.value)
        histogram = self._histograms.get(where)
        if histogram is None:
            histogram = self._histograms[where] = self._durations.labels(*where)
        histogram.observe(seconds)

    def turned_away(self, record: RequestRecord, /) -> None:
        self._turned_away.labels(record.protocol, str(record.status)).inc()

    def _count(self, record: RequestRecord) -> None:
        labels = (
            record.protocol,
            record.endpoint.value,
            _GRANTS.get(record.grant_type, OTHER_GRANT),
            record.outcome.value,
        )
        counter = self._counters.get(labels)
        if counter is None:
            counter = self._counters[labels] = self._ended.labels(*labels)
        counter.inc()

    def _note_in_flight(self) -> None:
        self._in_flight_gauge.set(self._in_flight)
        self._noting = self._in_flight > 0
        if self._noting:
            asyncio.get_running_loop().call_later(_GAUGE_EVERY, self._note_in_flight)


_: type[RequestObserver] = RequestMetrics
