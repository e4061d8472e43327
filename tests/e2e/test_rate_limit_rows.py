"""The rows LIM-001 and LIM-002 of the conformance matrix: guessing secrets (RFC 6749 §10.10)."""

import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from urllib.parse import urlencode

import httpx
import pytest

from support.client_assertions import MacKey, assertion_form, sign_assertion
from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, refused
from support.raw_http import FORM, basic, compose, read_reply
from support.redis_monitor import watched_commands
from support.redis_server import RedisServer
from support.registration import register
from support.reply_bytes import unvarying

PAIR, PAIR_WINDOW = 3, 3  # failures of one client from one source, and for how many seconds
CLIENT, SOURCE = 6, 9
LONG_WINDOW = 3_600
SETTINGS = {
    "failures_per_client_and_source": f"{PAIR}/{PAIR_WINDOW}s",
    "failures_per_client": f"{CLIENT}/1h",
    "failures_per_source": f"{SOURCE}/1h",
    "trusted_proxies": "127.99.0.0/16",
}
PROXY = "127.99.0.1"
TOKEN = "/access_token"
ENDPOINTS = (TOKEN, "/introspect", "/revoke")
READS = {"GET", "MGET"}
WRONG = "Wrong-Secret-hK2vM8"
NAMES = tuple(f"client-{number}" for number in range(32))


@dataclass(frozen=True, slots=True)
class World:
    """A server, and clients and sources enough for each test to have its own."""

    server: GrantdProcess
    unused: Iterator[RegisteredClient] = field(repr=False)
    addresses: Iterator[int] = field(default_factory=lambda: count(2))

    def client(self) -> RegisteredClient:
        """Return a client that nobody has used."""
        return next(self.unused)

    def source(self) -> str:
        """Return an address of this machine that nobody has used."""
        high, low = divmod(next(self.addresses), 250)
        return f"127.0.{high}.{low + 2}"

    def send(
        self,
        source: str,
        client: RegisteredClient,
        *,
        path: str = TOKEN,
        headers: Mapping[str, str] = {},
    ) -> bytes:
        """Authenticate by HTTP Basic from a source, and return all that comes back."""
        return self.send_form(source, {}, path=path, headers={**basic(client), **headers})

    def send_form(
        self,
        source: str,
        form: Mapping[str, str],
        *,
        path: str = TOKEN,
        headers: Mapping[str, str] = {},
    ) -> bytes:
        body = urlencode({"grant_type": "client_credentials", "token": "token", **form}).encode()
        sent = {"Content-Type": FORM, "Content-Length": str(len(body)), **headers}
        with socket.create_connection(
            ("127.0.0.1", self.server.http_port), timeout=20, source_address=(source, 0)
        ) as connection:
            connection.sendall(compose("POST", path, sent, body))
            received = b""
            while chunk := connection.recv(65_536):
                received += chunk
            return received

    def succeed(
        self,
        source: str,
        client: RegisteredClient,
        times: int = 1,
        *,
        headers: Mapping[str, str] = {},
    ) -> None:
        for _ in range(times):
            granted(read_reply(self.send(source, client, headers=headers)))

    def fail(
        self,
        source: str,
        client: RegisteredClient,
        times: int = 1,
        *,
        headers: Mapping[str, str] = {},
    ) -> None:
        """Fail so many times, and demand that each is looked at."""
        for _ in range(times):
            reply = read_reply(self.send(source, guess(client), headers=headers))
            refused(reply, 401, "invalid_client")

    def stopped(
        self, source: str, client: RegisteredClient, *, headers: Mapping[str, str] = {}
    ) -> int:
        """Demand that the client is refused unheard, and return for how many seconds."""
        return wait_of(read_reply(self.send(source, client, headers=headers)))


def guess(client: RegisteredClient) -> RegisteredClient:
    return replace(client, secret=WRONG)


def wait_of(reply: httpx.Response) -> int:
    """Return `Retry-After` of a reply that has to be 429 (RFC 6585 §4)."""
    members = refused(reply, 429, "too_many_requests")
    assert members.keys() == {"error", "error_description"}
    assert re.fullmatch(r"[1-9]\d*", reply.headers["Retry-After"])
    return int(reply.headers["Retry-After"])


def but_for_the_wait(received: bytes) -> bytes:
    return re.sub(rb"(?im)^(retry-after: )\d+", rb"\1?", unvarying(received))


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store, {**SETTINGS})
    methods = ["client_secret_basic", "client_secret_post", "client_secret_jwt"]
    metadata = {name: {"auth_methods": methods} for name in NAMES}
    return World(server, iter(register(server, metadata).values()))


def test_LIM_001_who_fails_too_often_is_refused_unheard(world: World) -> None:
    """Also with the right secret then, for as long as the reply says and no longer."""
    source, client = world.source(), world.client()
    world.fail(source, client, PAIR)
    received = world.send(source, client)
    wait = wait_of(read_reply(received))
    assert 0 < wait <= PAIR_WINDOW
    assert but_for_the_wait(received) == but_for_the_wait(world.send(source, guess(client)))
    assert WRONG.encode() not in received
    time.sleep(wait)
    world.succeed(source, client)


def test_LIM_001_one_failure_less_is_forgiven(world: World) -> None:
    """And a success neither spends nor restores anything."""
    source, client = world.source(), world.client()
    world.fail(source, client, PAIR - 1)
    world.succeed(source, client)
    world.fail(source, client)
    world.stopped(source, client)


def test_LIM_001_all_endpoints_spend_one_budget(world: World) -> None:
    """A secret that is guessed at /revoke is a secret all the same."""
    source, client = world.source(), world.client()
    for path in ENDPOINTS:
        refused(read_reply(world.send(source, guess(client), path=path)), 401, "invalid_client")
    for path in ENDPOINTS:
        wait_of(read_reply(world.send(source, client, path=path)))


def test_LIM_001_all_methods_spend_one_budget(world: World) -> None:
    """The right secret in the body or as the key of an assertion is not heard either."""
    source, client = world.source(), world.client()
    for one, judged in ((guess(client), _require_looked_at), (client, wait_of)):
        assertion = sign_assertion(
            one.client_id, world.server.issuer, MacKey(one.secret.ljust(32).encode())
        )
        judged(read_reply(world.send(source, one)))
        judged(read_reply(world.send_form(source, one.body)))
        judged(read_reply(world.send_form(source, assertion_form(assertion))))


def _require_looked_at(reply: httpx.Response) -> None:
    refused(reply, 401, "invalid_client")


def test_LIM_001_an_unknown_client_spends_the_same(world: World) -> None:
    """Or else the limit would tell who is known: to the byte, but for the seconds left."""
    replies = []
    for client in (world.client(), RegisteredClient("nobody", WRONG)):
        source = world.source()
        world.fail(source, client, PAIR)
        replies.append(world.send(source, guess(client)))
        assert 0 < wait_of(read_reply(replies[-1])) <= PAIR_WINDOW
    assert but_for_the_wait(replies[0]) == but_for_the_wait(replies[1])


def test_LIM_001_guessing_from_many_sources_is_bounded(world: World) -> None:
    """A client has a budget of its own, for sources that it never succeeded from."""
    client = world.client()
    for _ in range(CLIENT):
        world.fail(world.source(), client)
    assert PAIR_WINDOW < world.stopped(world.source(), client) <= LONG_WINDOW


def test_LIM_001_guessing_for_many_clients_is_bounded(world: World) -> None:
    """A source has a budget of its own, unknown clients included."""
    source = world.source()
    for number in range(SOURCE):
        world.fail(source, RegisteredClient(f"nobody-{number}"))
    assert PAIR_WINDOW < world.stopped(source, world.client()) <= LONG_WINDOW


def test_LIM_001_all_nodes_count_together(
    world: World, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """What is spent is in the store: a second server knows it, and adds to it."""
    node = prepare_grantd(world.server.store, {**SETTINGS})
    if "GRANTD_MASTER_KEY_FILE" in world.server.environment:
        master_key = world.server.environment["GRANTD_MASTER_KEY_FILE"]
        node.environment["GRANTD_MASTER_KEY_FILE"] = master_key
    there = replace(world, server=node.start())
    source, client, vouched = world.source(), world.client(), world.client()
    there.succeed(source, vouched)
    for number in range(SOURCE):
        (world, there)[number % 2].fail(source, RegisteredClient(f"nobody-{number}"))
    for one in (world, there):
        one.stopped(source, client)
        one.succeed(source, vouched)
    node.stop()
    world.stopped(source, client)


def test_LIM_002_another_client_from_the_same_source_is_served(world: World) -> None:
    """While one is refused there; and that one is served elsewhere."""
    source, client, neighbour = world.source(), world.client(), world.client()
    world.fail(source, client, PAIR)
    world.stopped(source, client)
    world.succeed(source, neighbour)
    world.succeed(world.source(), client)


def test_LIM_002_nobody_can_lock_a_client_out_from_elsewhere(world: World) -> None:
    """It is served where it has succeeded before, whatever others did to its budget."""
    home, client = world.source(), world.client()
    world.succeed(home, client)
    for _ in range(CLIENT):
        world.fail(world.source(), client)
    world.stopped(world.source(), client)
    world.succeed(home, client)


def test_LIM_002_a_client_that_succeeded_is_served_beside_a_guesser(world: World) -> None:
    """They share a source, whose budget is gone; only who was never seen there is refused."""
    source, client, stranger = world.source(), world.client(), world.client()
    world.succeed(source, client)
    for number in range(SOURCE):
        world.fail(source, RegisteredClient(f"nobody-{number}"))
    world.stopped(source, stranger)
    world.succeed(source, client)


def test_LIM_002_having_succeeded_is_no_licence_to_guess(world: World) -> None:
    """The budget of a client at a source holds for everybody there."""
    source, client = world.source(), world.client()
    world.succeed(source, client)
    world.fail(source, client, PAIR)
    world.stopped(source, client)


@pytest.mark.parametrize("field_name", ["X-Forwarded-For", "Forwarded"])
def test_LIM_001_what_a_stranger_says_of_its_address_is_not_counted(
    world: World, field_name: str
) -> None:
    """A guesser could have a new one for each request."""
    source, client = world.source(), world.client()
    for number in range(PAIR):
        invented = forwarded(field_name, f"192.0.2.{number}")
        world.fail(source, client, headers={field_name: invented})
    world.stopped(source, client, headers={field_name: forwarded(field_name, "192.0.2.99")})
    world.stopped(source, client)


def test_LIM_002_behind_a_trusted_proxy_each_source_is_its_own(world: World) -> None:
    """What the proxy says last counts, not what came before it or stands elsewhere."""
    guesser, client = "198.51.100.7", world.client()
    one = {"X-Forwarded-For": guesser, "Forwarded": "for=203.0.113.1"}
    spoofed = {"X-Forwarded-For": f"203.0.113.1, {guesser}"}
    another = {"X-Forwarded-For": f"{guesser}, 203.0.113.7"}
    world.fail(PROXY, client, PAIR - 1, headers=one)
    world.fail(PROXY, client, 1, headers=spoofed)
    for headers in (one, spoofed):
        world.stopped(PROXY, client, headers=headers)
    world.succeed(PROXY, client, headers=another)


def test_LIM_001_an_ipv6_source_is_its_network(world: World) -> None:
    """Its /64: whoever has one address has them all (RFC 6177 §2)."""
    client = world.client()
    for number in range(PAIR):
        world.fail(PROXY, client, headers={"X-Forwarded-For": f"2001:db8:1:2::{number}"})
    world.stopped(PROXY, client, headers={"X-Forwarded-For": "2001:db8:1:2:ffff:ffff:ffff:ffff"})
    world.succeed(PROXY, client, headers={"X-Forwarded-For": "2001:db8:1:3::1"})


def forwarded(field_name: str, *addresses: str) -> str:
    """Write a header field of proxies; the last address is what the last proxy saw."""
    prefix = "for=" if field_name == "Forwarded" else ""
    return ", ".join(prefix + address for address in addresses)


def test_LIM_001_only_failures_and_the_first_success_write(
    world: World, e2e_redis: RedisServer
) -> None:
    """What is asked for all the time reads only."""
    source, client = world.source(), world.client()
    writes = partial(_writes, world.server, e2e_redis)
    assert writes(lambda: world.succeed(source, client))
    assert not writes(lambda: world.succeed(source, client, 5))
    assert writes(lambda: world.fail(source, client))
    assert not writes(lambda: world.succeed(source, client, 5))


def _writes(server: GrantdProcess, redis: RedisServer, act: Callable[[], object]) -> bool:
    """Act, and tell whether the server wrote into its store meanwhile, but for notes of use."""
    if not server.store.startswith("sqlite"):
        with watched_commands(redis.port) as commands:
            act()
        assert commands
        return not READS.issuperset(commands)
    with closing(sqlite3.connect(server.store.removeprefix("sqlite:///"))) as watcher:

        def content() -> list[str]:
            return [line for line in watcher.iterdump() if 'INTO "usage"' not in line]

        before = content()
        act()
        return content() != before
