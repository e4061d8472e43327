"""Which Redis is trusted with revocations (D7)."""

from pathlib import Path

import pytest

from adapters.findings import Finding, Severity
from adapters.redis.connection import RedisConnection
from adapters.redis.inspection import inspect
from domain.errors import Unavailable
from support.redis_server import RedisServer


async def findings(directory: Path, *options: str) -> tuple[Finding, ...]:
    server = RedisServer.start(directory, *options)
    connection = RedisConnection.from_url(server.url)
    try:
        return await inspect(connection)
    finally:
        await connection.close()
        server.stop()


async def test_nothing_is_found_wrong_with_a_careful_redis(tmp_path: Path) -> None:
    """It evicts nothing and writes everything before it acknowledges."""
    assert await findings(tmp_path) == ()


@pytest.mark.parametrize(
    ("options", "severity", "named"),
    [
        (("--maxmemory-policy", "allkeys-lru"), Severity.RISK, "allkeys-lru"),
        (("--appendonly", "no"), Severity.RISK, "appendonly yes"),
        (("--appendfsync", "everysec"), Severity.NOTE, "appendfsync everysec"),
    ],
)
async def test_what_may_lose_a_revocation_is_found(
    tmp_path: Path, options: tuple[str, ...], severity: Severity, named: str
) -> None:
    """An operator reads what is wrong and what to set."""
    (finding,) = await findings(tmp_path, *options)

    assert finding.severity is severity
    assert named in finding.sentence


async def test_a_redis_that_forbids_config_is_inspected_all_the_same(tmp_path: Path) -> None:
    """As hosted ones do."""
    assert await findings(tmp_path, "--rename-command", "CONFIG", "") == ()


async def test_a_redis_that_is_away_cannot_be_inspected(tmp_path: Path) -> None:
    """That is for the caller to tell."""
    server = RedisServer.start(tmp_path)
    server.stop()
    connection = RedisConnection.from_url(server.url)

    with pytest.raises(Unavailable):
        await inspect(connection)
    await connection.close()
