"""Faults of a server on the embedded store, and those that any server may have."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from support.faults.small_disk import SmallDisk
from support.faults.suite import Site


@dataclass(slots=True, kw_only=True)
class EmbeddedSite(Site):
    """A server on SQLite, on a disk that can be filled."""

    disk: SmallDisk

    def __post_init__(self) -> None:
        Site.__post_init__(self)
        self.disk.writers = self._workers

    def _workers(self) -> list[int]:
        both = (self.grantd.workers(protocol) for protocol in ("http", "grpc"))
        return [worker.pid for workers in both for worker in workers]


@asynccontextmanager
async def workers_are_killed(site: Site) -> AsyncIterator[None]:
    for protocol in ("http", "grpc"):
        site.grantd.workers(protocol)[0].kill()
        await asyncio.sleep(0.3)
    yield


@asynccontextmanager
async def the_server_is_killed(site: Site) -> AsyncIterator[None]:
    site.grantd.kill()
    try:
        yield
    finally:
        await asyncio.to_thread(site.grantd.start)


@asynccontextmanager
async def the_server_is_restarted(site: Site) -> AsyncIterator[None]:
    await asyncio.to_thread(site.grantd.stop)
    await asyncio.to_thread(site.grantd.start)
    yield


# What another program at the file does: nobody else may write, nor read if it were no log.
_LOCKING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def the_file_is_locked(site: EmbeddedSite) -> AsyncIterator[None]:
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _LOCKING, site.grantd.store.removeprefix("sqlite:///")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        assert await other.stdout.readline() == b"locked\n"
        yield
    finally:
        other.stdin.close()
        await other.wait()


@asynccontextmanager
async def the_disk_is_full(site: EmbeddedSite) -> AsyncIterator[None]:
    await asyncio.to_thread(site.disk.fill)
    try:
        yield
    finally:
        await asyncio.to_thread(site.disk.free)
