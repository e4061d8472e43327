"""The supervisor's own listener, which tells what all of its processes count."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from adapters.telemetry.metrics_directory import metrics_directory
from entrypoints.meters import DIRECTORY, worker_deaths
from entrypoints.refusal import RefusedToStart
from entrypoints.setting_forms import Address


@contextmanager
def counted(address: Address | None) -> Iterator[Path | None]:
    """Have this process and those that it starts count from now on; None if nobody could read it.

    Raises:
        RefusedToStart: If there is no room to count in.
    """
    if address is None:
        yield None
        return
    with ExitStack() as while_counted:
        try:
            directory = while_counted.enter_context(metrics_directory())
        except OSError as error:
            raise RefusedToStart(
                f"there is no directory for the metrics ({error.strerror}): name one with TMPDIR,"
                " or turn them off with --admin off"
            ) from error
        os.environ[DIRECTORY] = str(directory)
        try:
            yield directory
        finally:
            del os.environ[DIRECTORY]


@asynccontextmanager
async def admin_listener(address: Address | None, directory: Path | None) -> AsyncIterator[None]:
    """Serve what is counted in *directory*, if it is counted at all.

    Raises:
        RefusedToStart: If the address is taken.
    """
    if address is None or directory is None:
        yield
        return
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
