"""Redis under Sentinel: whom it asks, whom it does not, and what a failover leaves."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.redis.revocations import RedisRevocationList
from domain.errors import Unavailable
from domain.model.clients import Client
from domain.model.families import AttemptId, Generation, Replayed, Rotated
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.change_client import ChangeClient
from support.domain_samples import (
    DAY,
    HOUR,
    LEDGER,
    NOW,
    client,
    family,
    limit_key,
    scope_definition,
    token_id,
)
from support.doubles import FixedClock
from support.polling import until
from support.redis_revocations import add, contains, revocations
from support.redis_sentinel import SERVICE, SentinelDeployment
from support.redis_server import RedisServer
from support.stores import redis_stores

pytestmark = [pytest.mark.waits, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelDeployment]:
    started = SentinelDeployment.start(tmp_path_factory.mktemp("sentinel"))
    yield started
    started.stop()


@pytest.fixture
def deployment(shared: SentinelDeployment) -> Iterator[SentinelDeployment]:
    """One that is whole and empty; it may be left in pieces."""
    shared.flush()
    yield shared
    for process in (*shared.servers, *shared.sentinels):
        process.thaw()
        if not process.is_well:
            process.restart()
    shared.wait_until_whole()


async def replaced(deployment: SentinelDeployment, old: RedisServer) -> RedisServer:
    return await asyncio.to_thread(deployment.wait_for_failover, old)


async def test_what_was_acknowledged_holds_after_a_failover(
    deployment: SentinelDeployment,
) -> None:
    """With every replica waited for, whichever becomes the master has it."""
    revoked = [token_id(number) for number in range(200)]
    acknowledged = []
    async with revocations(deployment.url, wait_replicas=2) as listed:
        for number, one in enumerate(revoked):
            if number == len(revoked) // 2:
                deployment.master.kill()
            if await add(listed, one):
                acknowledged.append(one)

    async with revocations(deployment.url) as listed:
        await until(lambda: _answers(listed), within=30)
        assert len(acknowledged) >= len(revoked) // 2
        assert [await contains(listed, one) for one in acknowledged] == [True] * len(acknowledged)


async def _answers(listed: RedisRevocationList) -> bool:
    return await contains(listed, token_id()) is not None


async def test_a_failover_is_followed_without_a_restart(deployment: SentinelDeployment) -> None:
    """The rotation that meets it is Unavailable, and the same attempt is one rotation."""
    async with redis_stores(deployment.url) as stores:
        await stores.families.open(family(), limit=1, now=NOW)

        async def rotate(presented: int, attempt: str) -> object:
            return await stores.families.rotate(
                family().family_id,
                attempt=AttemptId(attempt),
                presented=Generation(presented),
                owner=LEDGER,
                now=NOW,
                grace=timedelta(),
                expires_at=NOW + DAY,
                retire_access=False,
            )

        assert await rotate(1, "first") == Rotated(Generation(2), NOW + DAY)
        deployment.master.kill()
        with pytest.raises(Unavailable):
            await rotate(2, "second")

        async def goes_on() -> bool:
            try:
                return await rotate(2, "second") == Rotated(Generation(3), NOW + DAY)
            except Unavailable:
                return False

        await until(goes_on, within=30)
        assert await rotate(2, "third") == Replayed()


async def test_a_master_that_was_frozen_is_not_read_when_it_thaws(
    deployment: SentinelDeployment,
) -> None:
    """It takes itself for the master, knows nothing of what happened, and answers at once."""
    old = deployment.master
    async with revocations(deployment.url) as idle, revocations(deployment.url) as busy:
        assert await contains(idle, token_id()) is False
        old.freeze()
        await replaced(deployment, old)
        await until(lambda: add(busy, token_id()))

        old.thaw()

        answers = [await contains(idle, token_id()) for _ in range(500)]
        assert set(answers) <= {True, None}
        await until(lambda: contains(idle, token_id()))


async def test_a_master_that_is_missed_is_not_asked_any_more(
    deployment: SentinelDeployment,
) -> None:
    """Whoever takes its place, which nobody can here: what it would say may hold no longer."""
    servers = deployment.servers
    async with revocations(deployment.url) as listed:
        assert await contains(listed, token_id()) is False
        for server in servers:
            server.freeze()

        async def is_refused_at_once() -> bool:
            began = asyncio.get_running_loop().time()
            answer = await contains(listed, token_id())
            return answer is None and asyncio.get_running_loop().time() - began < 0.5

        await until(is_refused_at_once)
        await until(lambda: _is_missed(listed))
        for server in servers:
            server.thaw()
        await until(lambda: _answers(listed), within=30)


async def _is_missed(listed: RedisRevocationList) -> bool:
    with pytest.raises(Unavailable) as refusal:
        await listed.contains(token_id(), now=NOW)
    return "miss the primary" in str(refusal.value)


async def test_one_sentinel_may_be_away(deployment: SentinelDeployment) -> None:
    """Two of three know."""
    deployment.sentinels[0].kill()

    async with revocations(deployment.url) as listed:
        assert await contains(listed, token_id()) is False


async def test_one_sentinel_may_have_forgotten_the_service(
    deployment: SentinelDeployment,
) -> None:
    """One that was set up anew: the two others still know."""
    forgetful = deployment.sentinels[-1]
    forgetful.command("SENTINEL", "REMOVE", SERVICE)
    try:
        async with revocations(deployment.url) as listed:
            assert await contains(listed, token_id()) is False
    finally:
        deployment.remind(forgetful)


async def test_who_names_one_sentinel_finds_the_others(deployment: SentinelDeployment) -> None:
    """As where one name stands for all of them."""
    named = deployment.sentinels[0].address

    async with revocations(f"redis+sentinel://{named}/{SERVICE}") as listed:
        assert await contains(listed, token_id()) is False


async def test_without_most_of_the_sentinels_nobody_is_asked(
    deployment: SentinelDeployment,
) -> None:
    """They may be where another master is; and it heals by itself."""
    async with revocations(deployment.url) as listed:
        assert await contains(listed, token_id()) is False
        for sentinel in deployment.sentinels[:2]:
            sentinel.kill()  # one that were frozen would distrust its clock for half a minute

        await until(lambda: _is_refused(listed), within=5)
        for sentinel in deployment.sentinels[:2]:
            await asyncio.to_thread(sentinel.restart)
        await until(lambda: _answers(listed), within=30)


async def _is_refused(listed: RedisRevocationList) -> bool:
    return await contains(listed, token_id()) is None


async def test_a_service_that_sentinels_do_not_know_is_named(
    deployment: SentinelDeployment,
) -> None:
    """A slip of the pen in the URL."""
    url = deployment.url.replace(f"/{SERVICE}/", "/granted/")

    async with revocations(url) as listed:
        with pytest.raises(Unavailable, match="No such master"):
            await listed.contains(token_id(), now=NOW)


async def test_what_too_few_replicas_have_is_not_acknowledged(
    deployment: SentinelDeployment,
) -> None:
    """Nor is its repetition, which finds the work done and has to wait all the same."""
    replica = deployment.replicas[0]
    async with revocations(deployment.url, wait_replicas=2) as listed:
        await until(lambda: add(listed, token_id(1)))
        replica.freeze()

        assert not await add(listed, token_id(2))
        assert not await add(listed, token_id(2))
        assert await contains(listed, token_id(2))
        replica.thaw()
        await until(lambda: add(listed, token_id(2)))


async def test_a_change_that_finds_itself_done_waits_for_replicas_too(
    deployment: SentinelDeployment,
) -> None:
    """Whoever was told that it failed repeats it, and believes what the repetition says."""
    replica = deployment.replicas[0]
    async with redis_stores(deployment.url, wait_replicas=2) as stores:
        await stores.clients.add(client())
        audit = MemoryAuditTrail()
        change_client = ChangeClient(stores.clients, clock=FixedClock(NOW), audit=audit)
        change_catalogue = ChangeCatalogue(stores.catalogue, audit=audit)

        async def disable() -> Client:
            return await change_client(LEDGER, lambda found: replace(found, disabled=True))

        async def add_scope() -> None:
            await change_catalogue(lambda found: replace(found, scopes=(scope_definition("a"),)))

        replica.freeze()
        for attempt in (disable, add_scope, disable, add_scope):
            with pytest.raises(Unavailable, match="1 of 2 replicas"):
                await attempt()
        replica.thaw()

        async def lasts() -> bool:
            try:
                await add_scope()
                return (await disable()).version == 2
            except Unavailable:
                return False

        await until(lasts)


async def test_more_replicas_than_there_are_is_unavailable(
    deployment: SentinelDeployment,
) -> None:
    """A promise that cannot be kept is not made."""
    async with revocations(deployment.url, wait_replicas=3) as listed:
        with pytest.raises(Unavailable, match="2 of 3 replicas"):
            await listed.add(token_id(), until=NOW + HOUR, now=NOW)


async def test_bookkeeping_waits_for_no_replica(deployment: SentinelDeployment) -> None:
    """A failure that is not counted twice ends nobody's access."""
    for replica in deployment.replicas:
        replica.freeze()
    async with redis_stores(deployment.url, wait_replicas=2) as stores:
        await stores.rate_limiter.spend(limit_key(), window=HOUR, now=NOW)
        await stores.rate_limiter.vouch(limit_key(), until=NOW + HOUR, now=NOW)

        with pytest.raises(Unavailable, match="0 of 2 replicas"):
            await stores.clients.add(client())
