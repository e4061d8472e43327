"""Reads share round trips (D2), as Redis itself sees it under the running program."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from redis import Redis

from domain.model.identifiers import bucket_of
from support.grantd_process import GrantdProcess, RegisteredClient
from support.held_worker import all_at_once
from support.http_connection import HttpConnection, form_request, have_been_read
from support.oauth_replies import granted
from support.polling import wait_until
from support.redis_monitor import watched_commands
from support.redis_server import RedisServer

REQUESTS = 2_000
CALLERS = 200
SHARED = CALLERS // 10


@dataclass(frozen=True, slots=True)
class World:
    server: GrantdProcess
    redis: RedisServer
    client: RegisteredClient
    refresher: RegisteredClient


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, start_grantd: Callable[..., GrantdProcess]
) -> Iterator[World]:
    """A Redis of its own, where nobody else says anything."""
    redis = RedisServer.start(tmp_path_factory.mktemp("redis"))
    server = start_grantd(redis.url)
    client = server.create_client("one")
    flags = ("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token")
    refresher = server.create_client("two", *flags)
    granted(server.issue(client))  # from now on it has the catalogue
    yield World(server, redis, client, refresher)
    server.stop()
    redis.stop()


def token_request(client: RegisteredClient) -> bytes:
    return form_request("/access_token", {"grant_type": "client_credentials"}, auth=client.basic)


def introspection_request(client: RegisteredClient, token: str) -> bytes:
    return form_request("/introspect", {"token": token}, auth=client.basic)


def test_one_token_request_costs_one_round_trip(world: World) -> None:
    """Client and version of the catalogue are read together, and a JWT writes nothing (D1)."""
    with watched_commands(world.redis.port) as commands:
        granted(world.server.issue(world.client))

    assert commands == ["MGET"]


def test_one_introspection_costs_one_round_trip(world: World) -> None:
    """Caller, client, revocation and version of the catalogue are read together."""
    token = granted(world.server.issue(world.client))["access_token"]

    with watched_commands(world.redis.port) as commands:
        assert world.server.introspect(world.client, token).json()["active"] is True

    assert commands == ["MGET"]


def test_one_introspection_of_a_familys_token_costs_one_round_trip(world: World) -> None:
    """The family joins the others."""
    token = granted(world.server.issue(world.refresher))["access_token"]

    with watched_commands(world.redis.port) as commands:
        assert world.server.introspect(world.refresher, token).json()["active"] is True

    assert commands == ["MGET"]


def test_one_refresh_costs_two_round_trips(world: World) -> None:
    """One to read, one to compare and advance."""
    token = granted(world.server.issue(world.refresher))["refresh_token"]
    token = granted(world.server.refresh(world.refresher, token))["refresh_token"]

    with watched_commands(world.redis.port) as commands:
        granted(world.server.refresh(world.refresher, token))

    assert commands == ["MGET", "EVALSHA"]


def test_one_revocation_costs_two_round_trips(world: World) -> None:
    """One to read, one to write."""
    issued = [granted(world.server.issue(world.client))["access_token"] for _ in range(2)]
    world.server.revoke(world.client, issued[0])

    with watched_commands(world.redis.port) as commands:
        assert world.server.revoke(world.client, issued[1]).status_code == 200

    assert len(commands) == 2
    assert commands[0] == "MGET"


def test_noting_use_costs_one_command_a_minute(world: World) -> None:
    """Whatever was used, however often; it goes beside the requests, which read only."""
    client = world.server.create_client("noted")
    request = token_request(client)
    with HttpConnection(world.server.http_port) as connection:
        began = time.monotonic()
        with watched_commands(world.redis.port) as commands:
            for _ in range(REQUESTS):
                reply = connection.exchange(request)
                assert reply is not None
                assert reply.status == 200
            minutes = math.ceil((time.monotonic() - began) / 60)
            wait_until(lambda: _is_noted(world, client))

    assert Counter(name for name in commands if name != "EXISTS") == {"MGET": REQUESTS}
    assert 1 <= commands.use_notes.count(client.client_id) <= minutes
    assert 1 <= commands.use_writes.count(client.client_id) <= minutes


def _is_noted(world: World, client: RegisteredClient) -> bool:
    with Redis.from_url(world.redis.url) as redis:
        key = f"grantd:{{{bucket_of(client.client_id)}}}:usage:{client.client_id}"
        return bool(redis.exists(key))


def test_200_concurrent_token_requests_share_round_trips_and_write_nothing(world: World) -> None:
    """Redis hears a tenth as many commands as there are callers, or fewer, all of them reads."""
    with watched_commands(world.redis.port) as commands:
        replies = all_at_once(world.server, [token_request(world.client)] * CALLERS)

    assert [reply.status for reply in replies] == [200] * CALLERS
    assert len({reply.json()["access_token"] for reply in replies}) == CALLERS
    told = Counter(commands)
    assert told.keys() == {"MGET"}
    assert told["MGET"] <= SHARED


def test_200_concurrent_introspections_share_round_trips(world: World) -> None:
    """Each asks for a token of its own, and each is answered about that one."""
    tokens = [
        reply.json()["access_token"]
        for reply in all_at_once(world.server, [token_request(world.client)] * CALLERS)
    ]
    for token in tokens[::2]:
        assert world.server.revoke(world.client, token).status_code == 200
    questions = [introspection_request(world.client, token) for token in tokens]

    with watched_commands(world.redis.port) as commands:
        replies = all_at_once(world.server, questions)

    assert [reply.status for reply in replies] == [200] * CALLERS
    assert [reply.json()["active"] for reply in replies] == [False, True] * (CALLERS // 2)
    told = Counter(commands)
    assert told.keys() == {"MGET"}
    assert told["MGET"] <= SHARED


def test_who_hangs_up_in_a_shared_round_trip_spoils_it_for_nobody(world: World) -> None:
    """Half of the callers leave before Redis answers; the other half is served."""
    request = token_request(world.client)
    with ExitStack() as stack:
        connections = [
            stack.enter_context(HttpConnection(world.server.http_port)) for _ in range(CALLERS)
        ]
        world.redis.freeze()
        try:
            for connection in connections:
                connection.send(request)
            wait_until(lambda: have_been_read(world.server.http_port, CALLERS))
            for connection in connections[::2]:
                connection.close()
        finally:
            world.redis.thaw()
        replies = [connection.receive() for connection in connections[1::2]]

    assert [reply.status if reply else None for reply in replies] == [200] * (CALLERS // 2)
