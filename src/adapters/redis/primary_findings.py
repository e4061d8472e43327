"""What one primary tells of itself, and what an operator should know of it (D7)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.findings import Finding, Severity
from adapters.redis.permissions import allowing

_OLDEST: Final = (6, 2)
_NEARLY_FULL: Final = 0.9
_FAR_BEHIND_BYTES: Final = 1_000_000
_FAR_BEHIND_SECONDS: Final = 10
_REPLICA: Final = re.compile(r"slave\d+")

DIRECTIVES: Final = (
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "min-replicas-to-write",
    "cluster-require-full-coverage",
    "cluster-allow-reads-when-down",
)
"""What is asked for by CONFIG GET, which a hosted Redis may forbid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryFacts:
    """What a primary says.

    Attributes:
        info: The fields of INFO.

        directives: Those of `DIRECTIVES` that it tells.

        refused: What we need and may not run, as an ACL calls it.

        cluster: The fields of CLUSTER INFO, if it is part of one.
    """

    info: Mapping[str, Any]
    directives: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[str] = ()
    cluster: Mapping[str, str] = field(default_factory=dict)

    @property
    def replicas(self) -> Sequence["ReplicaFacts"]:
        """The replicas that are linked and follow."""
        written = int(self.info.get("master_repl_offset", 0))
        return [
            ReplicaFacts(
                behind=max(0, written - int(told.get("offset", 0))),
                silent_for=int(told.get("lag", 0)),
            )
            for name, told in self.info.items()
            if _REPLICA.fullmatch(name) and told.get("state") == "online"
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaFacts:
    """How far a replica is behind.

    Attributes:
        behind: Bytes of the stream of writes.

        silent_for: Seconds since it was heard of.
    """

    behind: int
    silent_for: int


def examine(facts: PrimaryFacts, *, wait_replicas: int) -> Iterator[Finding]:
    """Judge one primary, whatever it is a part of."""
    yield _version(facts.info)
    yield from _permissions(facts.refused)
    yield _eviction(facts.info)
    yield _memory(facts.info)
    yield from _persistence(facts)
    yield from _replication(facts, wait_replicas)
    yield from _cluster_directives(facts.directives)


def _version(info: Mapping[str, Any]) -> Finding:
    if "valkey_version" in info:  # whose redis_version is that of the Redis it is like
        return Finding(Severity.GOOD, f"it is Valkey {info['valkey_version']}")
    version = str(info.get("redis_version", "of an unknown version"))
    if _numbers(version) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        return Finding(
            Severity.RISK,
            f"it is Redis {version}, and grantd has been tried from {oldest} on",
        )
    return Finding(Severity.GOOD, f"it is Redis {version}")


def _permissions(refused: Sequence[str]) -> Iterator[Finding]:
    if refused:
        yield Finding(
            Severity.FAULT,
            f"our user may not run {', '.join(refused)}, which grantd needs",
            f"redis-cli ACL SETUSER NAME {allowing(refused)}, then redis-cli ACL SAVE or "
            "CONFIG REWRITE",
        )


def _eviction(info: Mapping[str, Any]) -> Finding:
    policy = info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        return Finding(Severity.GOOD, "it evicts nothing")
    return Finding(
        Severity.RISK,
        f"it may evict what it was given (maxmemory-policy {policy}), and an evicted revocation "
        "is a token come back",
        change("maxmemory-policy", "noeviction"),
    )


def _memory(info: Mapping[str, Any]) -> Finding:
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not limit:
        return Finding(Severity.GOOD, f"it uses {_size(used)} of memory and sets itself no limit")
    if used < limit * _NEARLY_FULL:
        return Finding(Severity.GOOD, f"it uses {_size(used)} of {_size(limit)} of memory")
    return Finding(
        Severity.NOTE,
        f"its memory is nearly full ({_size(used)} of {_size(limit)}): once it is, every request "
        "that has to write is answered 503",
        "redis-cli CONFIG SET maxmemory BYTES, or fewer or shorter-lived refresh tokens",
    )


def _persistence(facts: PrimaryFacts) -> Iterator[Finding]:
    info, directives = facts.info, facts.directives
    if info.get("loading", 0) != 0:
        yield Finding(Severity.NOTE, "it is still loading what it wrote before")
    if info.get("aof_enabled") != 1:
        yield Finding(
            Severity.RISK,
            "it keeps no append-only file, so a restart may forget revocations and rotations",
            change("appendonly", "yes"),
        )
    else:
        yield from _append_only_file(info, directives)
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield Finding(
            Severity.NOTE,
            "its last snapshot failed: with stop-writes-on-bgsave-error it refuses writes until "
            "one succeeds",
            "look into its log, and make room on its disk",
        )


def _append_only_file(info: Mapping[str, Any], directives: Mapping[str, str]) -> Iterator[Finding]:
    if info.get("aof_last_write_status", "ok") != "ok":
        yield Finding(
            Severity.RISK,
            "its last write to the append-only file failed: what it holds is in memory alone",
            "look into its log, and make room on its disk",
        )
    if info.get("aof_last_bgrewrite_status", "ok") != "ok":
        yield Finding(
            Severity.NOTE,
            "it could not rewrite its append-only file, which grows from now on",
            "make room on its disk, then redis-cli BGREWRITEAOF",
        )
    match directives.get("appendfsync"):
        case "always":
            yield Finding(Severity.GOOD, "what it acknowledges is on its disk (appendfsync always)")
        case "everysec":
            yield Finding(
                Severity.NOTE,
                "it writes to disk once a second (appendfsync everysec): a loss of power takes the "
                "last second of acknowledged revocations and rotations with it",
                change("appendfsync", "always"),
            )
        case None:
            yield Finding(
                Severity.GOOD,
                "it keeps an append-only file; how soon that is on its disk it does not tell",
            )
        case other:
            yield Finding(
                Severity.RISK,
                f"it leaves writing to disk to the system (appendfsync {other}): a loss of power "
                "takes half a minute of acknowledged revocations and rotations with it",
                change("appendfsync", "always"),
            )
    if directives.get("no-appendfsync-on-rewrite") == "yes":
        yield Finding(
            Severity.NOTE,
            "while it rewrites its append-only file it acknowledges what is not on its disk",
            change("no-appendfsync-on-rewrite", "no"),
        )


def _replication(facts: PrimaryFacts, wait_replicas: int) -> Iterator[Finding]:
    replicas = facts.replicas
    if len(replicas) < wait_replicas:
        yield Finding(
            Severity.FAULT,
            f"{_replicas(len(replicas))} linked, and wait_replicas is {wait_replicas}: whatever "
            "revokes or rotates is answered 503",
            "bring a replica back or add one, or set wait_replicas to fewer",
        )
    if not replicas:
        return
    behind = max(replica.behind for replica in replicas)
    silent_for = max(replica.silent_for for replica in replicas)
    yield Finding(
        Severity.NOTE
        if behind > _FAR_BEHIND_BYTES or silent_for > _FAR_BEHIND_SECONDS
        else Severity.GOOD,
        f"{_replicas(len(replicas))} linked, at most {_size(behind)} behind, and heard of in the "
        f"last {max(1, silent_for)} s",
    )
    if not wait_replicas:
        yield Finding(
            Severity.NOTE,
            "replicas are not waited for: a failover loses what they do not have yet, be it "
            "revoked or rotated",
            f"wait_replicas = {len(replicas)} in the settings of grantd",
        )
    needed = facts.directives.get("min-replicas-to-write")
    if needed is not None and int(needed) >= len(replicas) > wait_replicas:
        yield Finding(
            Severity.NOTE,
            f"it refuses every write while one replica is away (min-replicas-to-write {needed}), "
            "and after a failover until the server that was replaced is back",
            "add another replica, or " + change("min-replicas-to-write", str(len(replicas) - 1)),
        )
    if needed == "0" and len(replicas) > 1:
        yield Finding(
            Severity.NOTE,
            "a primary that is cut off from its replicas goes on accepting writes, which are lost "
            "when another is elected",
            change("min-replicas-to-write", "1"),
        )


def _cluster_directives(directives: Mapping[str, str]) -> Iterator[Finding]:
    if directives.get("cluster-allow-reads-when-down") == "yes":
        yield Finding(
            Severity.RISK,
            "a node that is cut off from the cluster goes on answering reads, so a token revoked "
            "elsewhere may be called active",
            change("cluster-allow-reads-when-down", "no"),
        )


def _replicas(count: int) -> str:
    return "1 replica is" if count == 1 else f"{count or 'no'} replicas are"


def change(directive: str, value: str, *, where: str = "") -> str:
    """Say how to set a directive for now and for ever."""
    on = f", on {where}" if where else ""
    return f"redis-cli CONFIG SET {directive} {value}, then redis-cli CONFIG REWRITE{on}"


def _size(count: int) -> str:
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 1_000**power:
            return f"{count / 1_000**power:.1f} {unit}"
    return f"{count} bytes"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
