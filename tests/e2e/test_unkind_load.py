"""Many connections that do nothing, and readers who do not read: nobody else notices."""

import asyncio
import base64
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.polling import wait_until

IDLE = 10_000
SOURCES = 10  # one address alone may not hold them all
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5)  # and empty SETTINGS
MOST_FOR_A_CONNECTION = {"http": 16 * 1024, "grpc": 40 * 1024}

CLIENTS = 200
SLOW_READERS = 2
QUESTIONS = 10
NEVER_READ = 20_000


@pytest.fixture(scope="module", autouse=True)
def room_for_files() -> Iterator[None]:
    """Let this process, and the servers that it starts, hold that many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 2_000, max(hard, IDLE + 2_000)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, IDLE + 2_000)))


@pytest.fixture(scope="module")
def grantd(room_for_files: None, start_grantd: Callable[..., GrantdProcess]) -> GrantdProcess:
    return start_grantd(grpc=True)


@pytest.fixture(scope="module")
def client(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client("ledger", "--grant", "client_credentials")


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_ten_thousand_idle_connections_keep_nobody_from_being_served(
    grantd: GrantdProcess, client: RegisteredClient, protocol: str
) -> None:
    """Each is taken, and takes no more than a few kilobytes."""
    (worker,) = grantd.workers(protocol)
    before = worker.memory_info().rss
    port = grantd.http_port if protocol == "http" else int(grantd.grpc_target.rpartition(":")[2])
    with ExitStack() as opened:
        idle = [opened.enter_context(connection_from(number, port)) for number in range(IDLE)]
        for connection in idle:
            if protocol == "grpc":
                connection.sendall(PREFACE)

        token = grantd.issue(client)
        introspection = grantd.introspect(client, token.json()["access_token"])
        readiness = grantd.get("/readyz")
        wait_until(lambda: worker.num_fds() >= IDLE)
        after = worker.memory_info().rss

    assert token.status_code == 200
    assert introspection.json()["active"]
    assert readiness.status_code == 200
    assert after - before < IDLE * MOST_FOR_A_CONNECTION[protocol]


def connection_from(number: int, port: int) -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", port), source_address=(f"127.0.0.{2 + number % SOURCES}", 0)
    )


async def test_slow_readers_hold_up_nobody_and_nothing_grows(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """One in a hundred asks without end and reads nothing; all others get every answer."""
    (worker,) = grantd.workers("http")
    request = question(client)
    before = worker.memory_info().rss
    slow = [asyncio.create_task(ask_without_reading(grantd, request)) for _ in range(SLOW_READERS)]

    answers = await asyncio.wait_for(
        asyncio.gather(*(ask(grantd, request) for _ in range(CLIENTS - SLOW_READERS))), 60
    )

    assert [status for statuses in answers for status in statuses] == [200] * (
        (CLIENTS - SLOW_READERS) * QUESTIONS
    )
    assert worker.memory_info().rss - before < 64 * 1024 * 1024
    for one in slow:
        one.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


def question(client: RegisteredClient) -> bytes:
    form = b"grant_type=client_credentials"
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode())
    return (
        b"POST /access_token HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %b\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%b"
        % (basic, len(form), form)
    )


async def ask(grantd: GrantdProcess, request: bytes) -> list[int]:
    """Ask several times on one connection, and return the statuses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", grantd.http_port)
    statuses = []
    for _ in range(QUESTIONS):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        statuses.append(int(head.split(b" ", 2)[1]))
        lengths = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
        await reader.readexactly(int(lengths[0].partition(b":")[2]))
    writer.close()
    return statuses


async def ask_without_reading(grantd: GrantdProcess, request: bytes) -> None:
    """Ask as long as the server lets one who reads no answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", grantd.http_port, limit=1)
    try:
        for _ in range(NEVER_READ):
            writer.write(request)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.transport.abort()
        writer.close()
