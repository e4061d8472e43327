"""LIM-003 to LIM-005: junk, trickles and floods. The rate limits have rows of their own."""

import asyncio
import base64
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.redis_server import RedisServer

HEAD = b"POST /access_token HTTP/1.1\r\nHost: a\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
PATIENCE = 10.0  # of the listener, with a head or a body
CONNECTIONS = 1_200  # more than the requests that one worker answers at once
GRANT = b"grant_type=client_credentials"


@pytest.fixture(scope="module")
def grantd(start_grantd: Callable[..., GrantdProcess], store: str) -> GrantdProcess:
    return start_grantd(store)


@pytest.fixture(scope="module")
def client(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client("ledger", "--grant", "client_credentials")


def junk() -> Iterator[tuple[bytes, bytes]]:
    """Yield media types and bodies that are hardly ever a request."""
    chance = random.Random(20_26)
    for number in range(120):
        size = chance.choice((0, 1, 17, 400, 5_000, 65_536))
        body = chance.randbytes(size)
        if number % 3 == 0:
            body = bytes(chance.choice(b"abct=&%+01;") for _ in range(min(size, 5_000)))
        elif number % 3 == 1:
            body = b"grant_type=client_credentials&scope=" + body
        yield chance.choice((b"application/x-www-form-urlencoded", b"application/json", b"x")), body


def test_LIM_003_junk_is_refused_and_harms_nobody(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """Never a 5xx, always our form of refusal, and then a token."""
    for media_type, body in junk():
        request = b"%bContent-Type: %b\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
            HEAD,
            media_type,
            len(body),
            body,
        )
        head, _, refusal = grantd.send_raw(request).partition(b"\r\n\r\n")

        assert head.split(b" ")[1] in (b"400", b"401", b"413", b"415", b"429")
        assert json.loads(refusal)["error"]

    answer = grantd.issue(client)

    assert answer.status_code == 200
    assert answer.json()["access_token"]


def trickle(grantd: GrantdProcess, begun: bytes, drop: bytes) -> tuple[float, bytes]:
    """Send *begun*, then *drop* again and again; return when the end came, and what was said."""
    with socket.create_connection(("127.0.0.1", grantd.http_port), timeout=60) as connection:
        started = time.monotonic()
        connection.settimeout(0.5)
        connection.sendall(begun)
        received = b""
        while time.monotonic() < started + 60:
            try:
                if drop:
                    connection.sendall(drop)
                chunk = connection.recv(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not chunk:
                break
            received += chunk
        return time.monotonic() - started, received


def test_LIM_004_a_slow_client_is_given_up_and_others_do_not_notice(
    start_grantd: Callable[..., GrantdProcess],
) -> None:
    """Heads and bodies by the byte, in part, or not at all: 408 or closed in its time."""
    grantd = start_grantd("sqlite")
    client = grantd.create_client("ledger", "--grant", "client_credentials")
    slow = {
        "a head by the byte": (HEAD + b"X: ", b"x"),
        "a head in part": (HEAD, b""),
        "a body in part": (HEAD + FORM + b"Content-Length: 900\r\n\r\ngrant", b""),
        "a body not begun": (
            HEAD + FORM + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
            b"",
        ),
        "nothing": (b"", b""),
        "empty lines": (b"", b"\r\n"),
    }
    with ThreadPoolExecutor(len(slow) * 20) as threads:
        endings = {
            name: [threads.submit(trickle, grantd, *how) for _ in range(20)]
            for name, how in slow.items()
        }
        waits = []
        for _ in range(20):
            started = time.monotonic()
            answer = grantd.issue(client)
            waits.append(time.monotonic() - started)
            assert answer.status_code == 200
            assert answer.json()["access_token"]
            time.sleep(0.1)

    assert sorted(waits)[10] < 1.0
    for name, ended in endings.items():
        for ending in ended:
            seconds, received = ending.result()
            assert seconds < PATIENCE + 5, name
            if name in ("nothing", "empty lines"):
                assert received == b""
            else:
                final = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
                assert final.startswith(b"HTTP/1.1 408 "), name
                assert json.loads(final.partition(b"\r\n\r\n")[2])["error"] == "invalid_request"


async def test_LIM_005_more_than_can_be_carried_is_turned_away(
    prepare_grantd: Callable[..., GrantdProcess], tmp_path: Path
) -> None:
    """503 with Retry-After at once; what was admitted is served, in bounded time and memory."""
    redis = RedisServer.start(tmp_path)
    grantd = prepare_grantd(redis.url).start()
    client = grantd.create_client("ledger", "--grant", "client_credentials")
    (worker,) = grantd.workers("http")
    before = worker.memory_info().rss
    redis.freeze()  # so that whatever is admitted stays under way

    flood = [asyncio.create_task(ask(grantd, client)) for _ in range(CONNECTIONS)]
    await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
    redis.thaw()
    answers = await asyncio.wait_for(asyncio.gather(*flood), 30)
    after = worker.memory_info().rss
    later = grantd.issue(client)
    redis.stop()

    turned_away = [head for head in answers if head.startswith(b"http/1.1 503 ")]
    admitted = [head for head in answers if head not in turned_away]
    assert admitted
    assert turned_away
    for head in admitted:
        assert head.startswith(b"http/1.1 200 ")
    for head in turned_away:
        assert b"\r\nconnection:" not in head
        assert b"\r\nretry-after: 1\r\n" in head
        assert b"\r\ncontent-type: application/json;charset=utf-8\r\n" in head
    assert after - before < 200 * 1024 * 1024
    assert later.status_code == 200


async def ask(grantd: GrantdProcess, client: RegisteredClient) -> bytes:
    """Ask for a token on a connection of its own, and return the head of the answer."""
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode())
    fields = FORM + b"Authorization: Basic %b\r\nContent-Length: %d\r\n\r\n" % (basic, len(GRANT))
    reader, writer = await asyncio.open_connection("127.0.0.1", grantd.http_port)
    writer.write(HEAD + fields + GRANT)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.lower()
