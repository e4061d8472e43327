"""The supervisor's own listener: the metrics of all processes together."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from adapters.telemetry.audit import AuditCounts, Uncounted
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Address

_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's own


@cache
def counts() -> AuditCounts:
    """Return what counts in this process: for its supervisor's listener, or for nobody."""
    if _DIRECTORY not in os.environ:
        return Uncounted()
    # Here and not above: the library asks for its directory when it is imported.
    from adapters.telemetry.metrics import PrometheusAuditCounts  # noqa: PLC0415

    return PrometheusAuditCounts()


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

        listener = MetricsListener(partial(merged, Path(path)), content_type=CONTENT_TYPE)
        try:
            await listener.start(address.host, address.port)
        except OSError as error:
            raise RefusedToStart(f"cannot listen on {address}: {error.strerror}") from error
        try:
            yield
        finally:
            await listener.close()
            del os.environ[_DIRECTORY]
