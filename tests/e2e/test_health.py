"""Health as load balancers and orchestrators see it, through faults and over both protocols."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from adapters.http.protocol import HttpLimits
from support.grantd_process import GrantdProcess
from support.http_connection import HttpConnection
from support.polling import wait_until
from support.redis_server import RedisServer

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING

A_KUBELETS_PATIENCE = 1.0


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer.start(tmp_path_factory.mktemp("own-redis"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def server(own_redis: RedisServer, start_grantd: Callable[..., GrantdProcess]) -> GrantdProcess:
    return start_grantd(own_redis.url, grpc=True)


@pytest.fixture
def health(server: GrantdProcess) -> Iterator[Any]:
    with grpc.insecure_channel(server.grpc_target) as channel:
        yield HealthStub(channel)


def state_of(server: GrantdProcess) -> tuple[int, dict[str, str]]:
    """Return status and reasons of `/readyz`, if they come while a kubelet still waits."""
    began = time.monotonic()
    reply = server.get("/readyz")
    assert time.monotonic() - began < A_KUBELETS_PATIENCE
    probes = reply.json()["probes"]
    return reply.status_code, {it["name"]: it["reason"] for it in probes if "reason" in it}


def check(health: Any, service: str = "") -> int:  # noqa: ANN401  (stubs have no types)
    status: int = health.Check(
        HealthCheckRequest(service=service), timeout=A_KUBELETS_PATIENCE
    ).status
    return status


def test_health_follows_a_store_that_goes_hangs_and_comes_back(
    server: GrantdProcess,
    own_redis: RedisServer,
    health: Any,  # noqa: ANN401  (stubs have no types)
) -> None:
    """Each answer comes within a kubelet's patience, and a watcher is told of each change."""
    wait_until(lambda: state_of(server) == (200, {}))
    watch = health.Watch(HealthCheckRequest(service="grantd.v1.TokenService"))
    assert next(watch).status == SERVING

    own_redis.stop()
    assert next(watch).status == NOT_SERVING
    wait_until(lambda: state_of(server)[0] == 503)
    assert state_of(server)[1]["redis"] == "unreachable"
    assert check(health) == check(health, "grantd.admin.v1.ClientService") == NOT_SERVING
    assert check(health, "grpc.health.v1.Health") == SERVING
    assert server.get("/livez").status_code == 200

    own_redis.restart()
    assert next(watch).status == SERVING
    wait_until(lambda: state_of(server) == (200, {}))
    assert check(health) == SERVING

    own_redis.freeze()
    try:
        assert next(watch).status == NOT_SERVING
        wait_until(lambda: state_of(server)[0] == 503)
        for _ in range(3):
            assert state_of(server)[1]["redis"] in {"no answer in time", "unreachable"}
            assert check(health) == NOT_SERVING
        assert server.get("/livez").status_code == 200
    finally:
        own_redis.thaw()
    assert next(watch).status == SERVING
    wait_until(lambda: state_of(server) == (200, {}))
    watch.cancel()


@pytest.fixture
def room_for_files() -> Iterator[None]:
    """Let this process hold as many connections as one source may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("room_for_files")
def test_one_source_cannot_hold_every_connection(server: GrantdProcess) -> None:
    """A quarter is the most; others are served meanwhile, and what is let go can be had again."""
    with ExitStack() as stack:
        for _ in range(HttpLimits().connections_per_source):
            stack.enter_context(HttpConnection(server.http_port))
        with HttpConnection(server.http_port) as beyond:
            refused = beyond.receive()
        assert refused is not None
        assert refused.status == 503
        elsewhere = ("127.0.0.2", 0)
        address = ("127.0.0.1", server.http_port)
        with socket.create_connection(address, 10, source_address=elsewhere) as other:
            other.sendall(b"GET /livez HTTP/1.1\r\nHost: grantd\r\n\r\n")
            assert other.recv(100).startswith(b"HTTP/1.1 200")

    wait_until(lambda: server.get("/livez").status_code == 200)


def test_a_trusted_proxy_may_hold_more(tmp_path: Path) -> None:
    """It brings the connections of many."""
    proxied = GrantdProcess(
        tmp_path, settings={"grpc": "off", "trusted_proxies": "127.0.0.0/8"}
    ).start()
    try:
        with ExitStack() as stack:
            for _ in range(1_001):
                stack.enter_context(HttpConnection(proxied.http_port))
            assert proxied.get("/livez").status_code == 200
    finally:
        proxied.stop()
