"""What counts in this process, for the listener of its supervisor or for nobody."""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adapters.certificate_observer import CertificateObserver, UnobservedCertificates
from adapters.request_record import UNOBSERVED, EachObserver, RequestObserver
from adapters.store_trips import TripObserver, Unobserved
from adapters.telemetry.audit import AuditCounts, Uncounted
from adapters.telemetry.log_format import is_for_people
from adapters.telemetry.request_log import RequestLog
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from adapters.telemetry.worker_deaths import WorkerDeaths

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that says where to count; prometheus-client reads it when it is imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """What counts in one process."""

    audit: AuditCounts
    trips: TripObserver
    requests: RequestObserver
    certificates: CertificateObserver


@cache
def meters() -> Meters:
    """Return what counts in this process, as its first call finds the environment."""
    if DIRECTORY not in os.environ:
        return Meters(
            audit=Uncounted(),
            trips=Unobserved(),
            requests=UNOBSERVED,
            certificates=UnobservedCertificates(),
        )
    # Here and not above: the library asks for its directory when it is imported.
    from adapters.telemetry.audit_metrics import AuditMetrics  # noqa: PLC0415
    from adapters.telemetry.certificate_metrics import CertificateMetrics  # noqa: PLC0415
    from adapters.telemetry.counting import Counting  # noqa: PLC0415
    from adapters.telemetry.request_metrics import RequestMetrics  # noqa: PLC0415
    from adapters.telemetry.trip_metrics import TripMetrics  # noqa: PLC0415

    counting = Counting()
    return Meters(
        audit=AuditMetrics(counting),
        trips=TripMetrics(counting),
        requests=RequestMetrics(counting),
        certificates=CertificateMetrics(),
    )


def note_death(pid: int, *, excused: bool) -> None:
    """Count the death of a worker, unless it is excused, and keep its counts without its files."""
    if DIRECTORY in os.environ:
        from adapters.telemetry.metrics import bury  # noqa: PLC0415  (likewise)

        if not excused:
            worker_deaths().count()
        bury(Path(os.environ[DIRECTORY]), pid)


@cache
def worker_deaths() -> "WorkerDeaths":
    from adapters.telemetry.worker_deaths import WorkerDeaths  # noqa: PLC0415  (likewise)

    return WorkerDeaths()


def request_observer(settings: Settings) -> RequestObserver:
    """Return who hears of the requests of this worker: its meters, and the log if it wants them."""
    if not settings.request_log:
        return meters().requests
    readable = is_for_people(settings.log_format, sys.stderr)
    return EachObserver((meters().requests, RequestLog(sys.stderr.fileno(), readable=readable)))
