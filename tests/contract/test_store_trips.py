"""What is said of round trips to the store, and which request they are counted for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adapters.redis.clients import RedisClientStore
from adapters.redis.connection import RedisConnection
from adapters.redis.revocations import RedisRevocationList
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.store_trips import Tally, TripKind, begin_tally, waiting
from domain.errors import ClientExists, Unavailable
from domain.model.identifiers import ClientId
from support.cutting_proxy import CuttingProxy
from support.domain_samples import HOUR, LEDGER, NOW, client, token_id
from support.trips import RememberedTrips

READ = (TripKind.READ, False)
STEP = (TripKind.STEP, False)
COMMAND = (TripKind.COMMAND, False)


async def counted(work: Callable[[], Awaitable[object]]) -> Tally:
    """Do *work* as a request of its own would, and return what was counted for it."""

    async def request() -> Tally:
        tally = Tally()
        begin_tally(tally)
        await work()
        return tally

    return await asyncio.create_task(request())


@pytest.fixture
def trips() -> RememberedTrips:
    return RememberedTrips()


@pytest.fixture
async def redis(proxy: CuttingProxy, trips: RememberedTrips) -> AsyncIterator[RedisConnection]:
    connection = RedisConnection.from_url(proxy.url, trips=trips)
    yield connection
    await connection.close()


async def test_a_trip_that_two_requests_share_is_one_for_each(
    redis: RedisConnection, trips: RememberedTrips
) -> None:
    """However much each of them asked for in that turn."""
    clients, revocations = RedisClientStore(redis), RedisRevocationList(redis)

    async def ask() -> None:
        foreseen = (clients.find(LEDGER), revocations.contains(token_id(), now=NOW))
        for reading in foreseen:
            await reading

    one, other = await asyncio.gather(counted(ask), counted(ask))

    assert trips.made_so_far == [READ]
    assert (one.reads, one.steps) == (other.reads, other.steps) == (1, 0)


async def test_steps_and_commands_are_counted_for_who_takes_them(
    redis: RedisConnection, trips: RememberedTrips
) -> None:
    """And not for a request beside it, which is none of their business."""
    added = await counted(lambda: RedisClientStore(redis).add(client()))

    async def twice_in_turn() -> None:
        await RedisClientStore(redis).find(LEDGER)
        await RedisClientStore(redis).find(ClientId("payroll"))

    read = await counted(twice_in_turn)

    assert trips.made_so_far == [COMMAND, STEP, READ, READ]
    assert (added.reads, added.steps) == (0, 2)
    assert (read.reads, read.steps) == (2, 0)


async def test_an_observer_learns_which_requests_wait_for_a_shared_trip(
    proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it travels in a task of its own."""
    trips = RememberedTrips()
    seen: list[set[Tally]] = []
    monkeypatch.setattr(trips, "made", lambda *_, **__: seen.append(set(waiting())))
    connection = RedisConnection.from_url(proxy.url, trips=trips)

    async def ask() -> None:
        await RedisClientStore(connection).find(LEDGER)

    tallies = await asyncio.gather(counted(ask), counted(ask))
    await connection.close()

    assert seen == [set(tallies)]


async def test_a_lost_reply_is_a_failed_trip_and_its_repetition_another(
    proxy: CuttingProxy, redis: RedisConnection, trips: RememberedTrips
) -> None:
    """For the observer; the request has waited for one step."""
    proxy.lose_reply_to("EVALSHA")

    tally = await counted(
        lambda: RedisRevocationList(redis).add(token_id(), until=NOW + HOUR, now=NOW)
    )

    assert trips.made_so_far == [(TripKind.STEP, True), STEP]
    assert (tally.reads, tally.steps) == (0, 1)


async def test_a_redis_that_is_away_is_told_of_as_failures(trips: RememberedTrips) -> None:
    """Each attempt is one, and the request is told that it is unavailable."""
    connection = RedisConnection.from_url("redis://127.0.0.1:1/0", trips=trips)

    with pytest.raises(Unavailable):
        await RedisClientStore(connection).find(LEDGER)
    await connection.close()

    assert set(trips.made_so_far) == {(TripKind.READ, True)}


async def test_what_is_not_even_tried_is_told_of_as_withheld(trips: RememberedTrips) -> None:
    """A Redis that has not answered a few times is left alone for a moment."""
    connection = RedisConnection.from_url("redis://127.0.0.1:1/0", trips=trips)

    for _ in range(10):
        with pytest.raises(Unavailable):
            await RedisClientStore(connection).find(LEDGER)
    await connection.close()

    assert set(trips.withheld_so_far) == {TripKind.READ}
    assert (TripKind.READ, False) not in trips.made_so_far


async def test_the_embedded_store_takes_steps_and_its_reads_are_counted(tmp_path: Path) -> None:
    """A write that it refuses has been a trip like any other; a read is told of only if it fails.

    It waits for nobody, and to time it would cost a quarter of it.
    """
    trips = RememberedTrips()
    database = SqliteDatabase.open(tmp_path / "grantd.db", trips=trips)
    clients = SqliteClientStore(database)

    async def add_twice() -> None:
        await clients.add(client())
        with pytest.raises(ClientExists):
            await clients.add(client())

    async def read() -> None:
        readings = clients.find(LEDGER), clients.find(ClientId("payroll"))
        assert [await reading for reading in readings] == [client(), None]
        assert await clients.page(after=None, limit=10) == [client()]

    added, found = await counted(add_twice), await counted(read)
    await database.close()
    with pytest.raises(Unavailable):
        await clients.remove(LEDGER)
    with pytest.raises(Unavailable):
        await clients.find(LEDGER)

    assert (added.reads, added.steps, found.reads, found.steps) == (0, 2, 2, 0)
    assert trips.made_so_far == [STEP, STEP, (TripKind.STEP, True), (TripKind.READ, True)]
