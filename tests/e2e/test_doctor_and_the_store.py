"""`grantd doctor` on a Redis that is set up without care, as an operator meets it."""

from collections.abc import Iterator

import pytest

from support.grantd_process import GrantdProcess
from support.redis_server import RedisServer


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer.start(
        tmp_path_factory.mktemp("redis"),
        *("--maxmemory-policy", "allkeys-lru", "--appendfsync", "everysec"),
    )
    yield server
    server.stop()


@pytest.fixture(scope="module")
def operator(
    tmp_path_factory: pytest.TempPathFactory, careless: RedisServer
) -> Iterator[GrantdProcess]:
    """Who has one master key for all the commands."""
    server = GrantdProcess(tmp_path_factory.mktemp("grantd"), store=careless.url)
    yield server
    server.stop()


def test_each_finding_has_what_to_do_about_it(operator: GrantdProcess) -> None:
    """Beneath it, to be copied as it is; what is good is told as well."""
    done = operator.run("doctor")

    assert done.returncode == 0
    lines = done.stdout.splitlines()
    (evicts,) = [place for place, line in enumerate(lines) if "may evict" in line]
    assert lines[evicts].split()[:2] == ["store", "warning"]
    assert lines[evicts + 1].strip() == (
        "-> redis-cli CONFIG SET maxmemory-policy noeviction, then redis-cli CONFIG REWRITE"
    )
    assert any("appendfsync everysec" in line for line in lines)
    assert any(line.startswith("store") and "it is Redis" in line for line in lines)


def test_an_empty_store_is_left_empty(operator: GrantdProcess, careless: RedisServer) -> None:
    """Who only looks makes no keys, which might come in the place of those that were lost."""
    careless.flush()

    checks = operator.require("doctor")

    (keys,) = [check for check in checks if check["subject"] == "keys"]
    assert keys["verdict"] == "warning"
    assert "the first start makes them" in keys["sentence"]
    assert careless.command("DBSIZE") == 0


def test_programs_read_the_same(operator: GrantdProcess) -> None:
    """The remedy is a member of its own."""
    checks = operator.require("doctor")

    (evicts,) = [check for check in checks if "may evict" in check["sentence"]]
    assert evicts["verdict"] == "warning"
    assert evicts["remedy"].startswith("redis-cli CONFIG SET maxmemory-policy noeviction")


def test_what_strict_store_refuses_is_one_error_among_the_others(operator: GrantdProcess) -> None:
    """The rest is looked at all the same; every other command is refused."""
    strict = {"GRANTD_STRICT_STORE": "true"}

    done = operator.run("doctor", environment=strict)
    refused = operator.run("clients", "list", environment=strict)

    assert done.returncode == 1
    verdicts = [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("store")]
    assert verdicts.count(["store", "error"]) == 1
    assert any(line.startswith("keys") for line in done.stdout.splitlines())
    assert refused.returncode == 1
    assert "it may evict" in refused.stderr
    assert "redis-cli CONFIG SET maxmemory-policy noeviction" in refused.stderr


def test_a_start_warns_in_its_log_of_what_is_not_good(
    operator: GrantdProcess, careless: RedisServer
) -> None:
    """With the server, and with what to do."""
    operator.start()
    operator.stop()

    warnings = [line for line in operator.log.read_text().splitlines() if "store: " in line]
    assert len(warnings) == 2
    assert all(careless.address in line and "redis-cli CONFIG SET" in line for line in warnings)
