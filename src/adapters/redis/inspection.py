"""Whether a Redis is one that may be trusted with revocations (D7)."""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.findings import Finding, Severity
from adapters.redis.connection import RedisConnection
from domain.errors import Unavailable

_OLDEST = (6, 2)


async def inspect(connection: RedisConnection) -> tuple[Finding, ...]:
    """Look at how Redis is set up and tell what an operator should know of it.

    Raises:
        Unavailable: If Redis cannot be asked at all.
    """
    findings: list[Finding] = []
    for facts in (await connection.ask_each("INFO")).values():
        findings += [*_risks(facts), *await _notes(connection, facts)]
    return tuple(dict.fromkeys(findings))


def _risks(facts: Mapping[str, Any]) -> Iterator[Finding]:
    policy = facts.get("maxmemory_policy")
    if policy != "noeviction":
        yield Finding(
            Severity.RISK,
            f"Redis may evict what it was given (maxmemory-policy {policy or 'unknown'}), and "
            "an evicted revocation is a token come back: set maxmemory-policy noeviction.",
        )
    if facts.get("aof_enabled") != 1:
        yield Finding(
            Severity.RISK,
            "Redis keeps no append-only file, so a restart may forget revocations and rotations: "
            "set appendonly yes.",
        )
    version = str(facts.get("redis_version", ""))
    if _numbers(version) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        yield Finding(
            Severity.RISK, f"Redis is of version {version or 'unknown'}; grantd needs {oldest}."
        )


async def _notes(connection: RedisConnection, facts: Mapping[str, Any]) -> tuple[Finding, ...]:
    if facts.get("aof_enabled") != 1:
        return ()
    try:
        settings, *_ = (await connection.ask_each("CONFIG", "GET", "appendfsync")).values()
    except Unavailable:  # a hosted Redis may forbid CONFIG
        return ()
    fsync = settings.get("appendfsync")
    if fsync == "always":
        return ()
    return (
        Finding(
            Severity.NOTE,
            f"Redis writes to disk a moment later (appendfsync {fsync}): a loss of power may "
            "take the last acknowledged revocations with it. appendfsync always prevents that.",
        ),
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
