"""Events of the audit trail as metrics."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter

from adapters.telemetry.audit import AuditCounts
from adapters.telemetry.counting import Counting
from domain.model.events import EventKind


class AuditMetrics:
    """No label tells of whom: whoever may read counts may not read the trail."""

    def __init__(self, counting: Counting, registry: CollectorRegistry = REGISTRY) -> None:
        events = Counter(
            "grantd_audit_events", "Events for the audit trail.", ["event"], registry=registry
        )
        self._events = {kind: counting.count(events.labels(kind.value)) for kind in EventKind}
        self._old_secrets = counting.count(
            Counter(
                "grantd_old_secret_uses",
                "Uses of a client secret that has a newer one beside it, as secret.used tells"
                " them.",
                registry=registry,
            )
        )
        self._lost = counting.count(
            Counter(
                "grantd_audit_write_failures",
                "Events that are missing from a place of the audit trail.",
                registry=registry,
            )
        )

    def recorded(self, kind: EventKind, /) -> None:
        self._events[kind].add()
        if kind is EventKind.SECRET_USED:
            self._old_secrets.add()

    def lost(self, events: int, /) -> None:
        self._lost.add(events)


_: type[AuditCounts] = AuditMetrics
