"""The order of a drain: first it is told, then it is waited for, then the doors close."""

import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from entrypoints.supervisor import ONE_SIGNAL
from grantd.v1 import token_service_pb2 as messages
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.free_ports import free_port
from support.grantd_process import GRANTD, GrantdProcess
from support.grpc_calls import basic
from support.http_connection import HttpConnection, form_request, have_been_read
from support.oauth_replies import granted
from support.polling import wait_until

PrepareGrantd = Callable[..., GrantdProcess]

NOT_SERVING = HealthCheckResponse.NOT_SERVING
REFRESHING = ("--grant", "client_credentials", "--grant", "refresh_token")


@pytest.mark.waits
def test_balancers_are_told_before_the_doors_close(prepare_grantd: PrepareGrantd) -> None:
    """Meanwhile everything is served, new connections too; and nobody who watches holds it up."""
    server = prepare_grantd("sqlite", {"drain_delay": "8s"}, grpc=True).start()
    client = server.create_client("one")
    request = form_request("/access_token", {"grant_type": "client_credentials"}, auth=client.basic)
    with ExitStack() as stack:
        idle = stack.enter_context(HttpConnection(server.http_port))
        assert idle.exchange(request)
        channel = stack.enter_context(grpc.insecure_channel(server.grpc_target))
        health = HealthStub(channel)
        watch = health.Watch(HealthCheckRequest())
        assert next(watch).status == HealthCheckResponse.SERVING

        server.signal(signal.SIGTERM)
        told = time.monotonic()
        assert next(watch).status == NOT_SERVING
        wait_until(lambda: server.get("/readyz").status_code == 503)
        assert server.get("/readyz").json()["status"] == "draining"
        assert health.Check(HealthCheckRequest()).status == NOT_SERVING
        granted(server.issue(client))
        assert idle.exchange(request)
        with grpc.insecure_channel(server.grpc_target) as new:
            metadata = basic(client.client_id, client.secret)
            asked = messages.IssueTokenRequest(grant_type="client_credentials")
            assert TokenServiceStub(new).IssueToken(asked, metadata=metadata).access_token

        assert next(watch, None) is None
        assert time.monotonic() - told > 7
        assert idle.receive() is None
    assert server.wait() == 0


def test_a_second_signal_ends_it_at_once(prepare_grantd: PrepareGrantd) -> None:
    """What is in flight is cut off, and the status says so."""
    server = prepare_grantd("sqlite", {"drain_delay": "60s"}).start()
    with HttpConnection(server.http_port) as connection:
        connection.send(b"POST /access_token HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")
        wait_until(lambda: have_been_read(server.http_port, 1))
        server.signal(signal.SIGTERM)
        wait_until(lambda: server.get("/readyz").status_code == 503)
        server.signal(signal.SIGTERM)  # as from whoever signals the process and then its group
        time.sleep(ONE_SIGNAL.total_seconds())
        assert server.get("/readyz").json()["status"] == "draining"

        server.signal(signal.SIGINT)

        began = time.monotonic()
        assert server.wait() == 1
        assert time.monotonic() - began < 10
        with suppress(ConnectionError):
            assert connection.receive() is None
    assert "told to stop: draining" in server.log.read_text()
    assert '"event": "stopped"' in server.log.read_text()


def test_signals_before_it_serves_find_it_prepared(
    prepare_grantd: PrepareGrantd, tmp_path: Path
) -> None:
    """SIGHUP does not kill it, and SIGTERM ends even its wait for the store; nothing is left."""
    server = prepare_grantd("sqlite", {"admin": f"127.0.0.1:{free_port()}"})
    server.require("keys", "list")
    environment = {**server.environment, "TMPDIR": str(tmp_path)}
    with (server.folder / "grantd.db.lock").open() as lock:
        flock(lock, LOCK_EX)
        process = subprocess.Popen([GRANTD, "serve"], cwd=server.folder, env=environment)
        wait_until(lambda: any(tmp_path.iterdir()))
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)

        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


def test_what_takes_longer_than_it_was_given_does_not_hold_it(
    prepare_grantd: PrepareGrantd,
) -> None:
    """Over both protocols: a store that hangs holds the calls, and the time for them is over."""
    server = prepare_grantd("sqlite", {"shutdown_timeout": "1s"}, grpc=True).start()
    client = server.create_client("one", "--issue-refresh-token", *REFRESHING)
    request = form_request("/access_token", {"grant_type": "client_credentials"}, auth=client.basic)
    with ExitStack() as stack:
        connection = stack.enter_context(HttpConnection(server.http_port))
        channel = stack.enter_context(grpc.insecure_channel(server.grpc_target))
        HealthStub(channel).Check(HealthCheckRequest())
        lock = stack.enter_context((server.folder / "grantd.db.lock").open("r+b"))
        flock(lock, LOCK_EX)
        connection.send(request)
        call = TokenServiceStub(channel).IssueToken.future(
            messages.IssueTokenRequest(grant_type="client_credentials"),
            metadata=basic(client.client_id, client.secret),
            timeout=60,
        )
        wait_until(lambda: have_been_read(server.http_port, 1))
        HealthStub(channel).Check(HealthCheckRequest(service="grpc.health.v1.Health"))

        server.signal(signal.SIGTERM)

        assert call.exception().code() is not grpc.StatusCode.OK
        reply = connection.receive()
        assert reply is None or reply.status == 503
    assert server.wait() == 0
