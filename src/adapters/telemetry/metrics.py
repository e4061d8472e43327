"""What is counted, over all processes, in the text form of Prometheus.

Each process counts in files of its own in one directory, so that what a
killed worker has counted stays. prometheus-client learns of the directory
when it is imported, from `DIRECTORY_VARIABLE`.
"""

from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, CollectorRegistry, Counter
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from adapters.telemetry.audit import AuditCounts
from domain.model.events import EventKind

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


class PrometheusAuditCounts:
    """No label tells of whom: whoever may read counts may not read the trail."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        events = Counter(
            "grantd_audit_events", "Events for the audit trail.", ["event"], registry=registry
        )
        self._events = {kind: events.labels(kind.value) for kind in EventKind}
        self._old_secrets = Counter(
            "grantd_old_secret_uses",
            "Uses of a client secret that has a newer one beside it, as secret.used tells them.",
            registry=registry,
        )
        self._lost = Counter(
            "grantd_audit_write_failures",
            "Events that are missing from a place of the audit trail.",
            registry=registry,
        )

    def recorded(self, kind: EventKind, /) -> None:
        self._events[kind].inc()
        if kind is EventKind.SECRET_USED:
            self._old_secrets.inc()

    def lost(self, events: int, /) -> None:
        self._lost.inc(events)


def merged(directory: Path) -> bytes:
    """Return what all processes have counted in *directory*."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(directory))  # type: ignore[no-untyped-call]  # the library gives it none
    return generate_latest(registry)


_: type[AuditCounts] = PrometheusAuditCounts
