"""Faults of a single Redis and of the way to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support.faults.small_disk import SmallDisk
from support.faults.suite import Site
from support.faults.troubled_way import TroubledWay
from support.redis_server import RedisServer

# What `appendfsync everysec` may lose, and how often is looked.
_A_SECOND = 1.0
_LOOKED_EVERY = 0.05


@dataclass(slots=True, kw_only=True)
class StandaloneSite(Site):
    """A server on one Redis, which writes to a disk that can be filled."""

    redis: RedisServer
    way: TroubledWay
    disk: SmallDisk

    def __post_init__(self) -> None:
        Site.__post_init__(self)
        self.disk.writers = lambda: [self.redis.pid]


@asynccontextmanager
async def redis_is_killed(site: StandaloneSite) -> AsyncIterator[None]:
    await asyncio.to_thread(site.redis.kill)
    try:
        yield
    finally:
        await asyncio.to_thread(site.redis.restart)


@asynccontextmanager
async def redis_is_killed_while_lazy(site: StandaloneSite) -> AsyncIterator[None]:
    """With `appendfsync everysec`; what was written is the kernel's, and it survives."""
    await _be_lazy(site)
    await asyncio.sleep(_A_SECOND)
    async with redis_is_killed(site):
        yield


@asynccontextmanager
async def power_is_cut_while_lazy(site: StandaloneSite) -> AsyncIterator[None]:
    """With `appendfsync everysec`; of the last second nothing has reached the disk."""
    await _be_lazy(site)
    log = max((site.disk.folder / "appendonlydir").glob("*.incr.aof"), key=_number)
    sizes: list[int] = []
    for _ in range(int(2 * _A_SECOND / _LOOKED_EVERY)):
        sizes.append(log.stat().st_size)
        await asyncio.sleep(_LOOKED_EVERY)
    await asyncio.to_thread(site.redis.kill)
    with log.open("r+b") as file:
        file.truncate(sizes[-int(_A_SECOND / _LOOKED_EVERY)])
    try:
        yield
    finally:
        await asyncio.to_thread(site.redis.restart)


@asynccontextmanager
async def redis_is_restarted(site: StandaloneSite) -> AsyncIterator[None]:
    await asyncio.to_thread(site.redis.restart)
    yield


@asynccontextmanager
async def redis_is_frozen(site: StandaloneSite) -> AsyncIterator[None]:
    site.redis.freeze()
    try:
        yield
    finally:
        site.redis.thaw()


@asynccontextmanager
async def redis_is_slow(site: StandaloneSite) -> AsyncIterator[None]:
    site.way.delay = 0.2
    try:
        yield
    finally:
        site.way.delay = 0.0


@asynccontextmanager
async def replies_are_cut(site: StandaloneSite) -> AsyncIterator[None]:
    site.way.cut_share = 0.3
    try:
        yield
    finally:
        site.way.cut_share = 0.0


@asynccontextmanager
async def the_disk_of_redis_is_full(site: StandaloneSite) -> AsyncIterator[None]:
    """With `appendfsync always` Redis gives up and ends."""
    await asyncio.to_thread(site.disk.fill)
    try:
        yield
    finally:
        await asyncio.to_thread(site.disk.free)
        await asyncio.to_thread(site.redis.restart)


@asynccontextmanager
async def the_disk_of_a_lazy_redis_is_full(site: StandaloneSite) -> AsyncIterator[None]:
    """With `appendfsync everysec` Redis refuses writes and answers reads."""
    await _be_lazy(site)
    await asyncio.to_thread(site.disk.fill)
    try:
        yield
    finally:
        await asyncio.to_thread(site.disk.free)


async def _be_lazy(site: StandaloneSite) -> None:
    await asyncio.to_thread(site.redis.command, "CONFIG", "SET", "appendfsync", "everysec")


def _number(log: Path) -> int:
    """Return the number of a part of the append-only file: `appendonly.aof.12.incr.aof`."""
    return int(log.name.split(".")[2])
