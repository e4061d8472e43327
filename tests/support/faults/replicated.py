"""Faults of a Redis that has replicas: under Sentinel, or in a cluster."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from support.faults.checker import LOSSES, Kind
from support.faults.suite import Fault, Site
from support.redis_cluster import ClusterDeployment
from support.redis_sentinel import SERVICE, SentinelDeployment
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

    def allow_absence(self, *, under_sentinel: int, in_cluster: int) -> None:
        """Set after how many milliseconds a master that is away is replaced."""
        if isinstance(self.store, SentinelDeployment):
            words = ("SENTINEL", "SET", SERVICE, "down-after-milliseconds", under_sentinel)
            for sentinel in self.store.sentinels:
                sentinel.command(*words)
        else:
            for server in self.store.servers:
                server.command("CONFIG", "SET", "cluster-node-timeout", in_cluster)


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
    """It is replaced, and when it comes back it does not know that yet.

    It is given as long as docs/operations.md wants, since it is believed for some of it.
    """
    master, _ = await asyncio.to_thread(site.busiest)
    await asyncio.to_thread(site.allow_absence, under_sentinel=3_000, in_cluster=4_000)
    try:
        master.freeze()
        await asyncio.to_thread(site.store.wait_for_failover, master)
        master.thaw()
        yield
    finally:
        master.thaw()
        await asyncio.to_thread(site.allow_absence, under_sentinel=1_000, in_cluster=1_000)
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
# What a replica does not have yet can be seen at its master, and is gone with it. Nobody was told
# that it is done: of what was, everything holds.
_SEEN_TOO_EARLY = frozenset({Kind.TAKEN_BACK})


def faults(master: str) -> Sequence[Fault[ReplicatedSite]]:
    """Return what may happen to *master*, as it is called there."""
    replacing = (
        (f"{master} is killed", a_master_is_killed),
        (f"{master} is killed ahead of its replicas", a_master_is_killed_ahead_of_its_replicas),
        (f"{master} is frozen and replaced", a_master_is_frozen),
    )
    return (
        *(
            Fault(
                name,
                strikes,
                lasts=1,
                tolerated=_SEEN_TOO_EARLY,
                is_in_short_form=strikes is a_master_is_killed,
            )
            for name, strikes in replacing
        ),
        *(
            Fault(f"{name}, no wait", strikes, lasts=1, environment=_UNWAITED, tolerated=LOSSES)
            for name, strikes in replacing
        ),
        Fault(
            f"{master} is killed and restarted",
            a_master_is_restarted,
            lasts=0.5,
            tolerated=_SEEN_TOO_EARLY,
        ),
    )
