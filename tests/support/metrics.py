"""Every metric of the program, with the labels it has and the values that they may take."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from adapters.request_record import OUTCOMES, PROTOCOLS, Endpoint
from adapters.store_trips import TripKind
from adapters.telemetry.audit_metrics import AuditMetrics
from adapters.telemetry.certificate_metrics import CertificateMetrics
from adapters.telemetry.counting import Counting
from adapters.telemetry.inventory_metrics import InventoryMetrics
from adapters.telemetry.request_metrics import NO_GRANT, OTHER_GRANT, RequestMetrics
from adapters.telemetry.trip_metrics import TripMetrics
from adapters.telemetry.worker_deaths import WorkerDeaths
from domain.model.clients import GrantType
from domain.model.events import EventKind
from domain.model.keys import KeyState, SigningAlgorithm
from domain.usecases.take_inventory import SecretLife

VALUES: Mapping[str, frozenset[str]] = {
    "protocol": frozenset(PROTOCOLS),
    "endpoint": frozenset(Endpoint),
    "grant": frozenset({NO_GRANT, OTHER_GRANT, *GrantType}),
    "outcome": OUTCOMES,
    "kind": frozenset(TripKind),
    "event": frozenset(EventKind),
    "algorithm": frozenset(SigningAlgorithm),
    "state": frozenset(KeyState),
    "ends": frozenset(SecretLife),
}
"""Of every label whose values are known beforehand."""

_HISTOGRAM = ("_bucket", "_count", "_sum")


def declared_series() -> dict[str, frozenset[str]]:
    """Return the names of all series, each with its labels."""
    registry = CollectorRegistry()
    for metrics in (WorkerDeaths, CertificateMetrics):
        metrics(registry)
    for gathered in (AuditMetrics, RequestMetrics, TripMetrics):
        gathered(Counting(), registry)
    InventoryMetrics("0", registry)
    found: dict[str, frozenset[str]] = {}
    for collector in registry._collector_to_names:
        labels = frozenset(collector._labelnames)  # type: ignore[attr-defined]  # it is one of ours
        match collector._type:  # type: ignore[attr-defined]  # likewise
            case "histogram":
                for ending in _HISTOGRAM:
                    also = {"le"} if ending == "_bucket" else set()
                    found[f"{collector._name}{ending}"] = labels | also  # type: ignore[attr-defined]  # likewise
            case "counter":
                found[f"{collector._name}_total"] = labels  # type: ignore[attr-defined]  # likewise
            case _:
                found[collector._name] = labels  # type: ignore[attr-defined]  # likewise
    return found
