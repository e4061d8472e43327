"""What is made of what a primary tells, by replies as servers give them."""

from collections.abc import Mapping, Sequence

import pytest
from redis.asyncio import Redis

from adapters.findings import Finding, Severity
from adapters.redis.primary_findings import PrimaryFacts, examine

REDIS = """\
# Server
redis_version:7.0.15
redis_mode:standalone

# Memory
used_memory:1029440
maxmemory:0
maxmemory_policy:noeviction

# Persistence
loading:0
rdb_last_bgsave_status:ok
aof_enabled:1
aof_last_bgrewrite_status:ok
aof_last_write_status:ok

# Replication
role:master
connected_slaves:0
master_repl_offset:0

# Cluster
cluster_enabled:0
"""
VALKEY = REDIS.replace(
    "redis_version:7.0.15\nredis_mode:standalone",
    "redis_version:7.2.4\nserver_name:valkey\nvalkey_version:8.0.1\nserver_mode:standalone",
)
# A hosted one, which keeps to itself what is not its clients' business, and keeps no file.
HOSTED = """\
# Server
redis_version:7.1.0
redis_mode:standalone
os:Amazon ElastiCache
executable:-
config_file:-

# Memory
used_memory:8302536
maxmemory:436469760
maxmemory_policy:volatile-lru

# Persistence
aof_enabled:0
"""
CAREFUL = {
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "min-replicas-to-write": "1",
}


def replicas(*states: str) -> str:
    """Return INFO of a primary with replicas, each told by its state, offset and lag."""
    lines = [
        f"slave{place}:ip=10.0.0.{place},port=6379,{state}" for place, state in enumerate(states)
    ]
    return "\n".join([REDIS.replace("master_repl_offset:0", "master_repl_offset:5000000"), *lines])


def judged(
    info: str,
    directives: Mapping[str, str] = CAREFUL,
    *,
    refused: Sequence[str] = (),
    wait_replicas: int = 0,
) -> list[Finding]:
    read = Redis(protocol=3).response_callbacks["INFO"]
    facts = PrimaryFacts(info=read(info), directives=directives, refused=refused)
    return list(examine(facts, wait_replicas=wait_replicas))


def bad(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is not Severity.GOOD]


@pytest.mark.parametrize(("info", "name"), [(REDIS, "Redis 7.0.15"), (VALKEY, "Valkey 8.0.1")])
def test_nothing_is_wrong_with_a_careful_server(info: str, name: str) -> None:
    """What is good is told as well, and who it is by its own name."""
    findings = judged(info)

    assert bad(findings) == []
    told = " ".join(finding.sentence for finding in findings)
    for expected in (name, "evicts nothing", "1.0 MB", "appendfsync always"):
        assert expected in told


@pytest.mark.parametrize(
    ("says", "instead", "severity", "named", "remedy"),
    [
        ("noeviction", "allkeys-lru", Severity.RISK, "allkeys-lru", "maxmemory-policy noeviction"),
        ("aof_enabled:1", "aof_enabled:0", Severity.RISK, "append-only", "appendonly yes"),
        ("aof_enabled:1\n", "", Severity.RISK, "append-only", "appendonly yes"),
        (
            "last_write_status:ok",
            "last_write_status:err",
            Severity.RISK,
            "in memory alone",
            "its disk",
        ),
        ("bgrewrite_status:ok", "bgrewrite_status:err", Severity.NOTE, "grows", "BGREWRITEAOF"),
        ("bgsave_status:ok", "bgsave_status:err", Severity.NOTE, "refuses writes", "its disk"),
        ("loading:0", "loading:1", Severity.NOTE, "loading", ""),
        ("7.0.15", "6.0.16", Severity.RISK, "6.0.16", ""),
        ("maxmemory:0", "maxmemory:1100000", Severity.NOTE, "nearly full", "SET maxmemory"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_set(
    says: str, instead: str, severity: Severity, named: str, remedy: str
) -> None:
    """One thing wrong is one finding."""
    assert says in REDIS

    (finding,) = bad(judged(REDIS.replace(says, instead)))

    assert finding.severity is severity
    assert named in finding.sentence
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("directive", "value", "severity", "named"),
    [
        ("appendfsync", "everysec", Severity.NOTE, "last second"),
        ("appendfsync", "no", Severity.RISK, "half a minute"),
        ("no-appendfsync-on-rewrite", "yes", Severity.NOTE, "rewrites"),
        ("cluster-allow-reads-when-down", "yes", Severity.RISK, "called active"),
    ],
)
def test_a_directive_that_may_lose_something_is_told(
    directive: str, value: str, severity: Severity, named: str
) -> None:
    """The remedy sets that very directive."""
    (finding,) = bad(judged(REDIS, {**CAREFUL, directive: value}))

    assert finding.severity is severity
    assert named in finding.sentence
    assert f"redis-cli CONFIG SET {directive} " in finding.remedy


def test_a_hosted_one_is_judged_by_what_it_tells() -> None:
    """It forbids CONFIG; that it evicts and keeps no file is told all the same."""
    findings = bad(judged(HOSTED, {}))

    assert [finding.severity for finding in findings] == [Severity.RISK, Severity.RISK]
    assert "volatile-lru" in findings[0].sentence


def test_what_a_server_does_not_tell_is_not_made_up() -> None:
    """An append-only file of unknown haste is no complaint."""
    assert bad(judged(REDIS, {})) == []


def test_replicas_that_follow_are_told_with_how_far_behind_they_are() -> None:
    """The one that is furthest behind counts; who still copies is not one yet."""
    info = replicas(
        "state=online,offset=5000000,lag=0",
        "state=online,offset=4999000,lag=1",
        "state=wait_bgsave,offset=0,lag=0",
    )

    findings = judged(info, wait_replicas=2)

    assert bad(findings) == []
    assert "2 replicas are linked, at most 1.0 kB behind" in findings[-1].sentence


@pytest.mark.parametrize("state", ["offset=1,lag=0", "offset=5000000,lag=30"])
def test_a_replica_that_falls_behind_is_noted(state: str) -> None:
    """In bytes or in seconds."""
    (finding,) = bad(judged(replicas(f"state=online,{state}"), wait_replicas=1))

    assert finding.severity is Severity.NOTE
    assert "behind" in finding.sentence


def test_replicas_that_nobody_waits_for_are_noted() -> None:
    """With the setting, and with what keeps a primary that is cut off from writing."""
    waits, accepts = bad(
        judged(
            replicas(*["state=online,offset=5000000,lag=0"] * 2),
            {**CAREFUL, "min-replicas-to-write": "0"},
        )
    )

    assert "wait_replicas = 2" in waits.remedy
    assert "min-replicas-to-write 1" in accepts.remedy


def test_replicas_that_all_have_to_be_there_are_noted() -> None:
    """A failover takes one away, and then nothing can be written; who waits for all knows."""
    info = replicas("state=online,offset=5000000,lag=0")

    *_, finding = bad(judged(info))

    assert finding.severity is Severity.NOTE
    assert "refuses every write while one replica is away" in finding.sentence
    assert finding.remedy.startswith("add another replica")
    assert "min-replicas-to-write 0" in finding.remedy
    assert bad(judged(info, wait_replicas=1)) == []


def test_more_to_wait_for_than_there_are_is_a_fault() -> None:
    """Nothing could be revoked."""
    (finding,) = bad(judged(replicas("state=online,offset=5000000,lag=0"), wait_replicas=2))

    assert finding.severity is Severity.FAULT
    assert "1 replica is linked, and wait_replicas is 2" in finding.sentence


def test_what_our_user_may_not_run_is_a_fault() -> None:
    """With the rules that are missing."""
    (finding,) = bad(judged(REDIS, refused=["zadd", "client|setname"]))

    assert finding.severity is Severity.FAULT
    assert "zadd, client|setname" in finding.sentence
    assert "ACL SETUSER NAME ~grantd:* +zadd +client|setname" in finding.remedy
