"""Faults of a Redis that has replicas: under Sentinel, or in a cluster."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from support.faults.checker import LOSSES
from support.faults.suite import Fault, Site
from support.redis_cluster import ClusterDeployment
from support.redis_sentinel import SentinelDeployment
from support.redis_server import RedisServer

# Shorter than what takes a replica for dead, or a master.
_BEHIND_FOR = 0.7


@dataclass(slots=True, kw_only=True)
class ReplicatedSite(Site):
    """A server on a Redis whose masters are replaced when they are away."""

    store: SentinelDeployment | ClusterDeployment

    def busiest(self) -> tuple[RedisServer, list[RedisServer]]:
        """Return the master that holds most keys, and its replicas."""
        if isinstance(self.store, SentinelDeployment):
            return self.store.master, self.store.replicas
        master = max(self.store.masters, key=lambda server: int(server.command("DBSIZE")))
        return master, self.store.replicas_of(master)


@asynccontextmanager
async def a_master_is_killed(site: ReplicatedSite) -> AsyncIterator[None]:
    master, _ = await asyncio.to_thread(site.busiest)
    async with _away(site, master):
        await asyncio.to_thread(master.kill)
        await asyncio.to_thread(site.store.wait_for_failover, master)
        yield


@asynccontextmanager
async def a_master_is_killed_ahead_of_its_replicas(site: ReplicatedSite) -> AsyncIterator[None]:
    """They are cut off for a moment, in which what is written is written at the master alone."""
    master, replicas = await asyncio.to_thread(site.busiest)
    async with _away(site, master):
        try:
            for replica in replicas:
                replica.freeze()
            await asyncio.to_thread(master.command, "CLIENT", "KILL", "TYPE", "replica")
            await asyncio.sleep(_BEHIND_FOR)
            await asyncio.to_thread(master.kill)
        finally:
            for replica in replicas:
                replica.thaw()
        await asyncio.to_thread(site.store.wait_for_failover, master)
        yield


@asynccontextmanager
async def a_master_is_frozen(site: ReplicatedSite) -> AsyncIterator[None]:
    """It is replaced, and when it comes back it does not know that yet."""
    master, _ = await asyncio.to_thread(site.busiest)
    try:
        master.freeze()
        await asyncio.to_thread(site.store.wait_for_failover, master)
        yield
    finally:
        master.thaw()
    await asyncio.to_thread(site.store.wait_until_whole)


@asynccontextmanager
async def a_master_is_restarted(site: ReplicatedSite) -> AsyncIterator[None]:
    """Killed, and back before anybody takes its place."""
    master, _ = await asyncio.to_thread(site.busiest)
    await asyncio.to_thread(master.kill)
    await asyncio.to_thread(master.restart)
    yield
    await asyncio.to_thread(site.store.wait_until_whole)


@asynccontextmanager
async def _away(site: ReplicatedSite, master: RedisServer) -> AsyncIterator[None]:
    """Bring a master back in the end, as a replica of who took its place."""
    try:
        yield
    finally:
        await asyncio.to_thread(master.restart)
    await asyncio.to_thread(site.store.wait_until_whole)


# The same without waiting for any replica.
_UNWAITED = {"GRANTD_WAIT_REPLICAS": "0"}


def faults(master: str) -> Sequence[Fault[ReplicatedSite]]:
    """Return what may happen to *master*, as it is called there."""
    ahead = a_master_is_killed_ahead_of_its_replicas
    return (
        Fault(f"{master} is killed", a_master_is_killed, is_in_short_form=True),
        Fault(f"{master} is killed ahead of its replicas", ahead),
        Fault(f"{master} is frozen and replaced", a_master_is_frozen, lasts=0.1),
        Fault(f"{master} is killed and restarted", a_master_is_restarted, lasts=0.5),
        Fault(
            f"{master} is killed, no wait",
            a_master_is_killed,
            environment=_UNWAITED,
            tolerated=LOSSES,
        ),
        Fault(
            f"{master} is killed ahead of its replicas, no wait",
            ahead,
            environment=_UNWAITED,
            tolerated=LOSSES,
        ),
        Fault(
            f"{master} is frozen and replaced, no wait",
            a_master_is_frozen,
            lasts=0.1,
            environment=_UNWAITED,
            tolerated=LOSSES,
        ),
    )
