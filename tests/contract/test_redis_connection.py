"""Redis away, Redis back, Redis forgetful of scripts, Redis under a password."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.redis.clients import RedisClientStore
from adapters.redis.connection import RedisConnection
from adapters.redis.credentials import CredentialFiles
from adapters.redis.probe import RedisProbe
from domain.errors import Unavailable
from domain.model.families import AttemptId, Generation, Rotated
from support.domain_samples import DAY, LEDGER, NOW, client, family
from support.doubles import FixedClock
from support.polling import until
from support.redis_server import RedisServer
from support.stores import redis_stores


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own, to be mistreated."""
    started = RedisServer.start(tmp_path)
    yield started
    started.stop()


@pytest.fixture
async def connection(server: RedisServer) -> AsyncIterator[RedisConnection]:
    opened = RedisConnection.from_url(server.url, reply_timeout=timedelta(milliseconds=200))
    yield opened
    await opened.close()


async def test_a_server_that_is_away_is_unavailable_at_once_and_comes_back_by_itself(
    server: RedisServer, connection: RedisConnection
) -> None:
    """Nobody restarts grantd because Redis was restarted."""
    clients = RedisClientStore(connection)
    await clients.add(client())

    server.stop()
    async with asyncio.timeout(2):
        for _ in range(3):
            with pytest.raises(Unavailable):
                await clients.find(LEDGER)
            with pytest.raises(Unavailable):
                await clients.remove(LEDGER)
    server.restart()

    await until(lambda: _is_back(clients), within=2)
    assert await clients.remove(LEDGER)


async def test_a_server_that_does_not_answer_is_unavailable_in_bounded_time(
    server: RedisServer, connection: RedisConnection
) -> None:
    """A frozen server holds nobody for longer than the deadlines say."""
    clients = RedisClientStore(connection)
    await clients.add(client())

    server.freeze()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(_ask(clients) for _ in range(100)), return_exceptions=True)
    server.thaw()

    assert all(isinstance(answer, Unavailable) for answer in answers)
    await until(lambda: _is_back(clients), within=2)


async def _is_back(clients: RedisClientStore) -> bool:
    try:
        return await clients.find(LEDGER) == client()
    except Unavailable:
        return False


async def _ask(clients: RedisClientStore) -> object:
    return await clients.find(LEDGER)


async def test_a_refusal_of_redis_is_unavailable(
    server: RedisServer, connection: RedisConnection
) -> None:
    """Whatever it is that Redis says, no exception of the library crosses the port."""
    server.command("CONFIG", "SET", "maxmemory", "1")

    with pytest.raises(Unavailable, match="OutOfMemory"):
        await RedisClientStore(connection).add(client())


async def test_scripts_that_redis_forgot_are_loaded_again(server: RedisServer) -> None:
    """As after a restart or a failover."""
    async with redis_stores(server.url) as stores:
        await stores.families.open(family(), limit=1, now=NOW)
        for generation in (1, 2, 3):
            server.command("SCRIPT", "FLUSH")

            rotation = await stores.families.rotate(
                family().family_id,
                attempt=AttemptId(f"attempt-{generation}"),
                presented=Generation(generation),
                owner=LEDGER,
                now=NOW,
                grace=timedelta(),
                expires_at=NOW + DAY,
                retire_access=False,
            )

            assert rotation == Rotated(Generation(generation + 1), NOW + DAY)


async def test_a_password_is_read_from_a_file(tmp_path: Path) -> None:
    """With it we are let in, without it or with another we are not."""
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("open-sesame\n")
    wrong.write_text("open-poppy")
    server = RedisServer.start(tmp_path, password="open-sesame")
    try:
        assert await _is_let_in(server.url, right)
        assert await _is_let_in(server.url.replace("//", "//default@"), right)
        assert not await _is_let_in(server.url, wrong)
        assert not await _is_let_in(server.url, None)
    finally:
        server.stop()


async def _is_let_in(url: str, password_file: Path | None) -> bool:
    connection = RedisConnection.from_url(url, files=CredentialFiles(password=password_file))
    try:
        await connection.ask_each("PING")
    except Unavailable as refusal:
        return "open-" in str(refusal)  # which would be a leak
    finally:
        await connection.close()
    return True


async def test_two_hundred_writers_share_a_few_connections(server: RedisServer) -> None:
    """They wait for each other; none is refused."""
    connection = RedisConnection.from_url(server.url)
    clients = RedisClientStore(connection)

    await asyncio.gather(*(clients.add(client(f"client-{n:03d}")) for n in range(200)))

    assert len(await clients.page(after=None, limit=500)) == 200
    (clients_of_redis,) = (await connection.ask_each("INFO", "clients")).values()
    assert clients_of_redis["connected_clients"] <= 16
    await connection.close()


async def test_callers_who_leave_midway_use_up_no_connection(connection: RedisConnection) -> None:
    """What they held is fit for the next, or thrown away."""
    clients = RedisClientStore(connection)

    for turns in range(60):
        leaving = [asyncio.create_task(clients.add(client(f"client-{n}"))) for n in range(20)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for one in leaving:
            one.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    await asyncio.gather(*(clients.add(client(f"another-{n}")) for n in range(20)))
    assert await clients.find(client("another-7").client_id) == client("another-7")


class TestProbe:
    async def test_it_is_content_with_a_server_that_tells_our_time(
        self, connection: RedisConnection
    ) -> None:
        """Within five seconds (D6)."""
        await RedisProbe(connection, await _clock_of(connection)).check()

    @pytest.mark.parametrize("difference", [timedelta(seconds=-7), timedelta(seconds=7)])
    async def test_it_complains_of_a_clock_that_is_off(
        self, connection: RedisConnection, difference: timedelta
    ) -> None:
        """Times of nodes that differ more are not comparable."""
        clock = await _clock_of(connection)
        clock.advance(difference)

        with pytest.raises(Unavailable, match="differ by"):
            await RedisProbe(connection, clock).check()

    async def test_it_complains_of_a_server_that_is_away(
        self, server: RedisServer, connection: RedisConnection
    ) -> None:
        """Then nothing works."""
        server.stop()

        with pytest.raises(Unavailable):
            await RedisProbe(connection, FixedClock()).check()


async def _clock_of(connection: RedisConnection) -> FixedClock:
    ((seconds, _),) = (await connection.ask_each("TIME")).values()
    return FixedClock(NOW.fromtimestamp(seconds, NOW.tzinfo))


async def test_a_replica_is_not_read(server: RedisServer, tmp_path: Path) -> None:
    """It may be behind; the message tells what it is."""
    replica = RedisServer.start(tmp_path / "replica", "--replicaof", *server.address.split(":"))
    connection = RedisConnection.from_url(replica.url)
    try:
        with pytest.raises(Unavailable, match="role is replica, and not master"):
            await RedisClientStore(connection).find(LEDGER)
    finally:
        await connection.close()
        replica.kill()  # one that is being filled does not end in order


async def test_a_primary_that_is_made_a_replica_is_not_read_any_more(
    server: RedisServer, connection: RedisConnection
) -> None:
    """Though it keeps the connection, and goes on answering reads."""
    clients = RedisClientStore(connection)
    await clients.add(client())
    server.command("REPLICAOF", "127.0.0.1", "1")

    async def is_refused() -> bool:
        return not await _is_back(clients)

    await until(is_refused, within=2)
    with pytest.raises(Unavailable):
        await clients.remove(LEDGER)
    server.command("REPLICAOF", "NO", "ONE")
    await until(lambda: _is_back(clients), within=2)


async def test_who_comes_to_a_server_that_is_frozen_is_told_at_once(
    server: RedisServer, connection: RedisConnection
) -> None:
    """Once it is known; one at a time finds out whether that still holds."""
    clients = RedisClientStore(connection)
    await clients.add(client())
    server.freeze()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await clients.find(LEDGER)

    answers = await asyncio.gather(*(_ask(clients) for _ in range(500)), return_exceptions=True)
    server.thaw()

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert all("has not answered lately" in str(answer) for answer in answers)
    await until(lambda: _is_back(clients), within=2)
