"""Redis Cluster: every key where it is, even while it moves, and no shard for another's fault."""

import asyncio
from collections.abc import Iterator

import pytest
from redis.crc import key_slot

from adapters.redis import keys
from adapters.redis.families import RedisRefreshFamilyStore
from adapters.redis.revocations import RedisRevocationList
from domain.errors import Unavailable
from domain.model.identifiers import ClientId, TokenId
from support.domain_samples import LEDGER, NOW, client, family, token_id
from support.polling import until
from support.redis_cluster import ClusterDeployment
from support.redis_revocations import add, connected, contains, revocations
from support.redis_server import RedisServer
from support.stores import redis_stores

pytestmark = [pytest.mark.waits, pytest.mark.timeout(120)]

_MANY = 300


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterDeployment]:
    started = ClusterDeployment.start(
        tmp_path_factory.mktemp("cluster"), "--cluster-require-full-coverage", "no"
    )
    yield started
    started.stop()


@pytest.fixture
def deployment(shared: ClusterDeployment) -> Iterator[ClusterDeployment]:
    """One that is whole and empty; it may be left in pieces."""
    shared.flush()
    yield shared
    for server in shared.servers:
        server.thaw()
        if not server.is_well:
            server.restart()
    shared.wait_until_whole()


async def is_listed(listed: RedisRevocationList, revoked: TokenId) -> bool:
    return await contains(listed, revoked) is True


def slot(revoked: TokenId) -> int:
    return key_slot(keys.revoked(revoked))


def token_at(deployment: ClusterDeployment, server: RedisServer) -> TokenId:
    """Return a token whose revocation would be there."""
    tokens = (token_id(client_id=f"client-{number}") for number in range(1_000))
    return next(one for one in tokens if deployment.master_of(slot(one)) is server)


def reads(server: RedisServer) -> int:
    return int(server.information("stats")["total_reads_processed"])


async def test_a_turn_is_one_round_trip_to_each_node(deployment: ClusterDeployment) -> None:
    """Three hundred callers, whose keys are in hundreds of slots."""
    ids = [ClientId(f"client-{number:03d}") for number in range(_MANY)]
    async with redis_stores(deployment.url) as stores:
        await asyncio.gather(*(stores.clients.add(client(one)) for one in ids))
        before = [reads(master) for master in deployment.masters]

        found = [stores.clients.find(one) for one in ids]

        assert [await one for one in found] == [client(one) for one in ids]
        after = [reads(master) for master in deployment.masters]
        spent = [later - earlier for earlier, later in zip(before, after, strict=True)]
        assert all(2 < trips < 20 for trips in spent), spent  # the looks of both of us included


async def test_a_slot_that_moves_is_read_at_both_ends(deployment: ClusterDeployment) -> None:
    """Half of its keys are here and half of them there, and none is missed."""
    tokens = [token_id(number) for number in range(20)]
    source = deployment.master_of(slot(tokens[0]))
    target = next(master for master in deployment.masters if master is not source)
    async with revocations(deployment.url) as listed:
        for revoked in tokens[:10]:
            assert await add(listed, revoked)
        deployment.begin_migration(slot(tokens[0]), target)
        for moved in tokens[:5]:
            host, port = target.address.split(":")
            source.command("MIGRATE", host, port, keys.revoked(moved).decode(), 0, 1_000)

        halfway = [listed.contains(revoked, now=NOW) for revoked in tokens]
        assert [await one for one in halfway] == [True] * 10 + [False] * 10
        for revoked in (*tokens[:2], *tokens[8:12]):
            assert await add(listed, revoked)

        deployment.move_keys(slot(tokens[0]), target)
        deployment.end_migration(slot(tokens[0]), target)
        arrived = [listed.contains(revoked, now=NOW) for revoked in tokens]
        assert [await one for one in arrived] == [True] * 12 + [False] * 8
        assert deployment.master_of(slot(tokens[0])) is target
        assert await add(listed, tokens[19])


async def test_a_step_of_several_keys_waits_for_a_slot_that_moves(
    deployment: ClusterDeployment,
) -> None:
    """No end of the way has all of them meanwhile."""
    moving = key_slot(keys.family(family().family_id))
    source = deployment.master_of(moving)
    target = next(master for master in deployment.masters if master is not source)
    async with connected(deployment.url) as connection:
        families = RedisRefreshFamilyStore(connection)
        await families.open(family(), limit=1, now=NOW)
        deployment.begin_migration(moving, target)

        ending = asyncio.create_task(families.end(family().family_id, now=NOW))
        await asyncio.sleep(0.2)
        assert not ending.done()
        await asyncio.to_thread(deployment.move_keys, moving, target)
        await asyncio.to_thread(deployment.end_migration, moving, target)

        assert await ending
        ended = await families.find(family().family_id, now=NOW)
        assert ended is not None
        assert ended.ended


async def test_a_dead_master_takes_nobody_with_it_and_is_replaced(
    deployment: ClusterDeployment,
) -> None:
    """The others answer as fast as ever, and what was acknowledged holds afterwards."""
    dead, alive, _ = deployment.masters
    lost, kept = token_at(deployment, dead), token_at(deployment, alive)
    async with revocations(deployment.url, wait_replicas=1) as listed:
        assert await add(listed, lost)
        assert await add(listed, kept)
        dead.kill()

        async def is_back() -> bool:
            answer, other = listed.contains(lost, now=NOW), listed.contains(kept, now=NOW)
            async with asyncio.timeout(0.5):
                assert await other
            try:
                return await answer
            except Unavailable:
                return False

        assert not await is_back()
        await until(is_back, within=30)
        assert await is_listed(listed, kept)


async def test_a_frozen_shard_holds_no_other_back(deployment: ClusterDeployment) -> None:
    """Its own callers are told soon, and once it is known at once."""
    frozen, alive, _ = deployment.masters
    there, here = token_at(deployment, frozen), token_at(deployment, alive)
    async with revocations(deployment.url) as listed:
        assert await contains(listed, there) is False
        frozen.freeze()

        stuck = [asyncio.create_task(contains(listed, there)) for _ in range(50)]
        async with asyncio.timeout(0.5):
            for _ in range(20):
                assert await contains(listed, here) is False
        async with asyncio.timeout(4):
            assert set(await asyncio.gather(*stuck)) <= {None, False}


async def test_a_master_that_was_frozen_is_not_read_when_it_thaws(
    deployment: ClusterDeployment,
) -> None:
    """It takes itself for the master until its fellows tell it otherwise."""
    old = deployment.masters[0]
    revoked = token_at(deployment, old)
    async with revocations(deployment.url) as idle, revocations(deployment.url) as busy:
        assert await contains(idle, revoked) is False
        old.freeze()
        await asyncio.to_thread(deployment.wait_for_failover, old)
        await until(lambda: add(busy, revoked))

        old.thaw()

        answers = [await contains(idle, revoked) for _ in range(500)]
        assert set(answers) <= {True, None}
        await until(lambda: is_listed(idle, revoked))


async def test_most_of_the_masters_have_to_be_there(deployment: ClusterDeployment) -> None:
    """A master that is left alone may have been replaced, and heals by itself."""
    left, *others = deployment.masters
    revoked = token_at(deployment, left)
    async with revocations(deployment.url) as listed:
        assert await contains(listed, revoked) is False
        for server in deployment.servers:
            if server is not left:
                server.freeze()

        async def is_refused() -> bool:
            return await contains(listed, revoked) is None

        await until(is_refused)
        for server in others:
            server.thaw()

        async def answers() -> bool:
            return await contains(listed, revoked) is False

        await until(answers)


async def test_what_too_few_replicas_have_is_not_acknowledged(
    deployment: ClusterDeployment,
) -> None:
    """In a shard whose replica is away; the others go on."""
    lame, sound, _ = deployment.masters
    there, here = token_at(deployment, lame), token_at(deployment, sound)
    for replica in deployment.replicas_of(lame):
        replica.freeze()
    async with revocations(deployment.url, wait_replicas=1) as listed:
        assert not await add(listed, there)
        assert await add(listed, here)


async def test_a_replica_leads_to_the_cluster(deployment: ClusterDeployment) -> None:
    """Whoever is named is asked for the others, and never for a key."""
    replica = next(server for server in deployment.servers if server not in deployment.masters)

    async with revocations(f"redis+cluster://{replica.address}") as listed:
        assert await add(listed, token_id(client_id=LEDGER))
        assert await is_listed(listed, token_id(client_id=LEDGER))


async def test_a_node_of_a_cluster_is_no_server_by_itself(deployment: ClusterDeployment) -> None:
    """It would refuse what is elsewhere; the message tells what it is."""
    async with revocations(f"redis://{deployment.masters[0].address}") as listed:
        with pytest.raises(Unavailable, match="mode is cluster, and not standalone"):
            await listed.contains(token_id(), now=NOW)


async def test_why_no_node_answers_is_told(deployment: ClusterDeployment) -> None:
    """A slip in the URL, a missing user, a wrong certificate: each is mended elsewhere."""
    first = deployment.masters[0].address
    async with revocations(f"redis+cluster://nobody@{first}") as listed:
        with pytest.raises(Unavailable, match=f"no node .*{first}: AuthenticationError"):
            await listed.contains(token_id(), now=NOW)
