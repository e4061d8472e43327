"""What is counted in a process, and the supervisor's own listener that tells it of all."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from adapters.request_record import UNOBSERVED, EachObserver, RequestObserver
from adapters.server_certificate import CertificateObserver, UnobservedCertificates
from adapters.store_trips import TripObserver, Unobserved
from adapters.telemetry.audit import AuditCounts, Uncounted
from adapters.telemetry.log_format import is_for_people
from adapters.telemetry.request_log import RequestLog
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Address, Settings

if TYPE_CHECKING:
    from adapters.telemetry.metrics import WorkerDeaths

_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """What counts in one process."""

    audit: AuditCounts
    trips: TripObserver
    requests: RequestObserver
    certificates: CertificateObserver


@cache
def meters() -> Meters:
    """Return what counts in this process: for its supervisor's listener, or for nobody."""
    if _DIRECTORY not in os.environ:
        return Meters(
            audit=Uncounted(),
            trips=Unobserved(),
            requests=UNOBSERVED,
            certificates=UnobservedCertificates(),
        )
    # Here and not above: the library asks for its directory when it is imported.
    from adapters.telemetry.certificate_metrics import CertificateMetrics  # noqa: PLC0415
    from adapters.telemetry.metrics import PrometheusAuditCounts  # noqa: PLC0415
    from adapters.telemetry.request_metrics import RequestMetrics  # noqa: PLC0415
    from adapters.telemetry.trip_metrics import TripMetrics  # noqa: PLC0415

    return Meters(
        audit=PrometheusAuditCounts(),
        trips=TripMetrics(),
        requests=RequestMetrics(),
        certificates=CertificateMetrics(),
    )


def note_death(pid: int, *, excused: bool) -> None:
    """Count the death of a worker, unless it is excused, and keep its counts without its files."""
    if _DIRECTORY in os.environ:
        from adapters.telemetry.metrics import bury  # noqa: PLC0415  (likewise)

        if not excused:
            _worker_deaths().count()
        bury(Path(os.environ[_DIRECTORY]), pid)


@cache
def _worker_deaths() -> "WorkerDeaths":
    from adapters.telemetry.metrics import WorkerDeaths  # noqa: PLC0415  (likewise)

    return WorkerDeaths()


def request_observer(settings: Settings) -> RequestObserver:
    """Return who hears of the requests of this worker: its meters, and the log if it wants them."""
    if not settings.request_log:
        return meters().requests
    readable = is_for_people(settings.log_format, sys.stderr)
    return EachObserver((meters().requests, RequestLog(sys.stderr.fileno(), readable=readable)))


@asynccontextmanager
async def admin_listener(address: Address | None) -> AsyncIterator[None]:
    """Serve what this process counts from now on, and those that it starts.

    Raises:
        RefusedToStart: If the address is taken, or there is no room to count in.
    """
    if address is None:
        yield
        return
    try:
        directory = TemporaryDirectory(prefix="grantd-metrics-")
    except OSError as error:
        raise RefusedToStart(
            f"there is no directory for the metrics ({error.strerror}): name one with TMPDIR,"
            " or turn them off with --admin off"
        ) from error
    with directory as path:
        os.environ[_DIRECTORY] = path
        from adapters.telemetry.metrics import CONTENT_TYPE, merged  # noqa: PLC0415  (likewise)
        from adapters.telemetry.metrics_listener import MetricsListener  # noqa: PLC0415

        _worker_deaths()  # told from the start, as none
        listener = MetricsListener(partial(merged, Path(path)), content_type=CONTENT_TYPE)
        try:
            await listener.start(address.host, address.port)
        except OSError as error:
            reason = (
                os.strerror(error.errno) if error.errno else str(error)
            )  # asyncio words it anew
            raise RefusedToStart(f"cannot listen on {address}: {reason}") from error
        try:
            yield
        finally:
            await listener.close()
            del os.environ[_DIRECTORY]
