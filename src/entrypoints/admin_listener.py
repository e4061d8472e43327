"""The supervisor's own listener, which tells what all of its processes count."""

import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial

from adapters.telemetry.metrics_directory import metrics_directory
from entrypoints.meters import DIRECTORY, worker_deaths
from entrypoints.refusal import RefusedToStart
from entrypoints.setting_forms import Address


@asynccontextmanager
async def admin_listener(address: Address | None) -> AsyncIterator[None]:
    """Serve what this process counts from now on, and those that it starts.

    Raises:
        RefusedToStart: If the address is taken, or there is no room to count in.
    """
    if address is None:
        yield
        return
    with ExitStack() as while_served:
        try:
            directory = while_served.enter_context(metrics_directory())
        except OSError as error:
            raise RefusedToStart(
                f"there is no directory for the metrics ({error.strerror}): name one with TMPDIR,"
                " or turn them off with --admin off"
            ) from error
        os.environ[DIRECTORY] = str(directory)
        from adapters.telemetry.metrics import CONTENT_TYPE, merged  # noqa: PLC0415  (likewise)
        from adapters.telemetry.metrics_listener import MetricsListener  # noqa: PLC0415

        worker_deaths()  # told from the start, as none
        listener = MetricsListener(partial(merged, directory), content_type=CONTENT_TYPE)
        try:
            await listener.start(address.host, address.port)
        except OSError as error:
            # asyncio words it anew.
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise RefusedToStart(f"cannot listen on {address}: {reason}") from error
        try:
            yield
        finally:
            await listener.close()
            del os.environ[DIRECTORY]
