"""A clock that jumps, of the server alone, and what it is then."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from support.faults.checker import Kind
from support.faults.suite import Site
from support.polling import wait_until

# libfaketime tells the time; how far off it is, it reads from a file once a second.
_FILE = "clock"
_A_LOT = 60.0
FAKED: Final[Mapping[str, str]] = {
    "LD_PRELOAD": next(
        (str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")),
        "faketime-is-not-installed",
    ),
    "FAKETIME_TIMESTAMP_FILE": _FILE,
    "FAKETIME_CACHE_DURATION": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
}

# What is over for a clock that is ahead is good again for one that is right.
EXPIRED_FOR_A_WHILE: Final = frozenset({Kind.LOST_TOKEN, Kind.TAKEN_BACK})


def the_clock_is_off_by(
    difference: timedelta,
) -> Callable[[Site], AbstractAsyncContextManager[None]]:
    """Put the clock off while it is read; half-way through new workers begin by it.

    When it is right again the server is restarted, as its clock does not go back.
    """

    @asynccontextmanager
    async def strike(site: Site) -> AsyncIterator[None]:
        clock = site.grantd.folder / _FILE
        clock.write_text(f"{difference.total_seconds():+.0f}\n")
        try:
            await asyncio.to_thread(wait_until, lambda: _is_off(site))
            for protocol in ("http", "grpc"):
                site.grantd.workers(protocol)[0].kill()
            yield
        finally:
            clock.write_text("+0\n")
        await asyncio.to_thread(site.grantd.stop)
        await asyncio.to_thread(site.grantd.start)

    return strike


def _is_off(site: Site) -> bool:
    """Tell whether a worker's clock is off, as the date of its reply has it."""
    told = parsedate_to_datetime(site.grantd.get("/livez").headers["Date"]).timestamp()
    return abs(told - time.time()) > _A_LOT
