"""SIGHUP: settings loaded anew, without a restart."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from support.grantd_process import GrantdProcess
from support.polling import wait_until
from support.redis_server import RedisServer
from support.tls import HERE, Pair

PrepareGrantd = Callable[..., GrantdProcess]


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer.start(tmp_path)
    yield server
    server.stop()


def said(server: GrantdProcess, event: str) -> list[dict[str, Any]]:
    lines = (json.loads(it) for it in server.log.read_text().splitlines() if it.startswith("{"))
    return [line for line in lines if str(line.get("event", "")).startswith(event)]


def test_workers_and_those_that_follow_them_get_the_new_level(
    prepare_grantd: PrepareGrantd, own_redis: RedisServer
) -> None:
    """A bad file changes nothing, and what needs a restart is named."""
    server = prepare_grantd(own_redis.url)
    config = server.folder / "grantd.toml"
    server.environment["GRANTD_CONFIG"] = str(config)
    config.write_text('log_level = "error"')
    server.start()
    own_redis.stop()

    def fail() -> None:
        reply = server.post("/introspect", {"token": "any"}, auth=("nobody", "anything"))
        assert reply.status_code == 503

    fail()
    assert said(server, "unavailable in request") == []

    config.write_text('log_level = "warning"\nstore = 1\nsurprise = true')
    server.signal(signal.SIGHUP)
    wait_until(lambda: said(server, "settings not reloaded"))
    fail()
    assert said(server, "unavailable in request") == []
    (refused,) = said(server, "settings not reloaded")
    assert any("surprise" in reason for reason in refused["reasons"])

    config.write_text('log_level = "warning"\nissuer = "https://elsewhere.example"')
    server.signal(signal.SIGHUP)
    wait_until(lambda: said(server, "settings reloaded"))
    (taken,) = said(server, "settings reloaded")
    assert taken["changed"] == ["log_level"]
    assert taken["needs_restart"] == ["issuer"]
    wait_until(lambda: fail() or said(server, "unavailable in request"))

    own_redis.restart()
    (worker,) = server.workers("http")
    before = len(said(server, "unavailable in request"))
    worker.kill()
    wait_until(lambda: server.workers("http") not in ([], [worker]))
    wait_until(server.is_ready)
    own_redis.stop()
    wait_until(lambda: fail() or len(said(server, "unavailable in request")) > before)
    assert server.stop() == 0


def test_a_hang_up_meant_for_everybody_ends_nobody(prepare_grantd: PrepareGrantd) -> None:
    """A terminal that is closed sends it to the workers too."""
    server = prepare_grantd(grpc=True).start()
    workers = [*server.workers("http"), *server.workers("grpc")]

    for worker in workers:
        worker.send_signal(signal.SIGHUP)
    server.signal(signal.SIGHUP)

    wait_until(lambda: said(server, "settings reloaded"))
    assert server.get("/readyz").status_code == 200
    assert [*server.workers("http"), *server.workers("grpc")] == workers


def test_a_certificate_that_does_not_do_changes_nothing(prepare_grantd: PrepareGrantd) -> None:
    """It is said once, by name of the file; what else had changed waits until all of it holds."""
    server = prepare_grantd(grpc=True)
    shown = Pair.write(trustme.CA().issue_cert(HERE), server.folder)
    config = server.folder / "grantd.toml"
    server.environment["GRANTD_CONFIG"] = str(config)
    server.environment["GRANTD_GRPC_CERTIFICATE_FILE"] = str(shown.certificate)
    server.environment["GRANTD_GRPC_CERTIFICATE_KEY_FILE"] = str(shown.key)
    config.write_text('log_level = "info"')
    server.start()

    good = shown.key.read_bytes()
    shown.key.write_text("no key")
    config.write_text('log_level = "warning"')
    server.signal(signal.SIGHUP)
    wait_until(lambda: said(server, "settings not reloaded"))
    (refused,) = said(server, "settings not reloaded")
    assert str(shown.key) in refused["reasons"][0]

    shown.key.write_bytes(good)
    config.write_text('log_level = "info"\nworkers = 2')
    server.signal(signal.SIGHUP)
    wait_until(lambda: said(server, "settings reloaded"))
    (taken,) = said(server, "settings reloaded")
    assert (taken["changed"], taken["needs_restart"]) == ([], ["workers"])
    assert server.stop() == 0
