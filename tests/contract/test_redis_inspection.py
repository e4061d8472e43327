"""Which Redis is trusted with revocations (D7), by looking at real ones."""

from collections.abc import Iterator, Sequence

import pytest

from adapters.findings import Finding, Severity
from adapters.redis.connection import RedisConnection
from adapters.redis.credentials import CredentialFiles
from adapters.redis.inspection import inspect
from adapters.redis.probe import RedisProbe
from adapters.system.clock import SystemClock
from domain.errors import Unavailable
from support.polling import until
from support.redis_cluster import ClusterDeployment
from support.redis_sentinel import SentinelDeployment
from support.redis_server import RedisServer, acl_user

_PASSWORD = "open-sesame"
_NO_FILES = CredentialFiles()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One that is set up carefully; a test that changes it puts it right again."""
    started = RedisServer.start(
        tmp_path_factory.mktemp("redis"),
        *acl_user("meek", _PASSWORD, "~*", "+@all", "-zadd", "-config"),
        *acl_user("mute", _PASSWORD, "~*", "+@all", "-eval"),
        *acl_user("elsewhere", _PASSWORD, "~others:*", "+@all"),
    )
    yield started
    started.stop()


async def findings(
    url: str, files: CredentialFiles = _NO_FILES, *, wait_replicas: int = 0
) -> Sequence[Finding]:
    connection = RedisConnection.from_url(url, files=files)
    try:
        return await inspect(connection, wait_replicas=wait_replicas)
    finally:
        await connection.close()


async def bad(url: str, files: CredentialFiles = _NO_FILES) -> list[Finding]:
    return [finding for finding in await findings(url, files) if _is_bad(finding)]


def _is_bad(finding: Finding) -> bool:
    return finding.severity is not Severity.GOOD


async def test_nothing_is_found_wrong_with_a_careful_redis(server: RedisServer) -> None:
    """It evicts nothing and writes everything before it acknowledges; that is told, with where."""
    found = await findings(server.url)

    assert {finding.severity for finding in found} == {Severity.GOOD}
    assert all(finding.sentence.startswith(f"{server.address}: ") for finding in found)
    assert "it is Redis" in found[0].sentence


@pytest.mark.parametrize(
    ("directive", "value", "careful", "severity"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction", Severity.RISK),
        ("appendonly", "no", "yes", Severity.RISK),
        ("appendfsync", "everysec", "always", Severity.NOTE),
        ("appendfsync", "no", "always", Severity.RISK),
        ("no-appendfsync-on-rewrite", "yes", "no", Severity.NOTE),
        ("maxmemory", "1000000", "0", Severity.NOTE),
    ],
)
async def test_what_may_lose_a_revocation_is_found(
    server: RedisServer, directive: str, value: str, careful: str, severity: Severity
) -> None:
    """An operator reads what is wrong and what to set, and what is said to be set mends it."""
    server.command("CONFIG", "SET", directive, value)
    try:
        (finding,) = await bad(server.url)
    finally:
        server.command("CONFIG", "SET", directive, careful)

    assert finding.severity is severity
    assert f"redis-cli CONFIG SET {directive} " in finding.remedy
    await until(lambda: _is_well(server))


async def _is_well(server: RedisServer) -> bool:
    return await bad(server.url) == []


async def test_a_user_who_lacks_a_command_is_told_which(
    server: RedisServer, files: CredentialFiles
) -> None:
    """With the rule that allows it; that CONFIG is forbidden harms nothing."""
    (finding,) = await bad(server.url.replace("//", "//meek@"), files)

    assert finding.severity is Severity.FAULT
    assert "our user may not run zadd," in finding.sentence
    assert "ACL SETUSER NAME ~grantd:* +zadd" in finding.remedy


async def test_a_user_who_may_run_no_script_is_told_so(
    server: RedisServer, files: CredentialFiles
) -> None:
    """Which is how the others are found out."""
    (finding,) = await bad(server.url.replace("//", "//mute@"), files)

    assert "may not run eval," in finding.sentence


async def test_a_user_of_other_keys_is_told_so(server: RedisServer, files: CredentialFiles) -> None:
    """It may run every command, but on nothing of ours."""
    (finding,) = await bad(server.url.replace("//", "//elsewhere@"), files)

    assert "may not run mget, get, set" in finding.sentence
    assert "~grantd:*" in finding.remedy


@pytest.fixture
def files(server: RedisServer) -> CredentialFiles:
    path = server.directory / "password"
    path.write_text(_PASSWORD)
    return CredentialFiles(password=path)


async def test_valkey_is_called_by_its_name(valkey: tuple[str, CredentialFiles]) -> None:
    """And a user with the rights that the documentation lists lacks nothing."""
    url, files = valkey

    found = await findings(url, files)

    (unhurried,) = [finding for finding in found if _is_bad(finding)]
    assert "appendfsync everysec" in unhurried.sentence
    assert "it is Valkey " in found[0].sentence


async def test_replicas_and_sentinels_are_looked_at(sentinel: SentinelDeployment) -> None:
    """How many there are, whether they keep up and agree, and what a failover would lose."""
    sentinel.wait_until_whole()

    found = await findings(sentinel.url)

    told = {finding.severity: finding.sentence for finding in found}
    good = " ".join(finding.sentence for finding in found if not _is_bad(finding))
    assert "2 replicas are linked" in good
    assert f"3 Sentinels agree on {sentinel.master.address}" in good
    assert told.keys() == {Severity.GOOD, Severity.NOTE}
    remedies = " ".join(finding.remedy for finding in found)
    assert "wait_replicas = 2" in remedies
    assert "min-replicas-to-write 1" in remedies


async def test_fewer_replicas_than_are_waited_for_are_found(sentinel: SentinelDeployment) -> None:
    """As long as it is so, nothing is acknowledged."""
    sentinel.wait_until_whole()

    found = await findings(sentinel.url, wait_replicas=3)

    (fault,) = [finding for finding in found if finding.severity is Severity.FAULT]
    assert "2 replicas are linked, and wait_replicas is 3" in fault.sentence


async def test_every_primary_of_a_cluster_is_looked_at(cluster: ClusterDeployment) -> None:
    """What all have in common is told once, and what one has alone with its address."""
    odd = cluster.servers[1]
    odd.command("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    try:
        found = await findings(cluster.url)
    finally:
        odd.command("CONFIG", "SET", "maxmemory-policy", "noeviction")

    (risk,) = [finding for finding in found if finding.severity is Severity.RISK]
    assert risk.sentence.startswith(f"{odd.address}: it may evict")
    told = [finding.sentence for finding in found]
    assert any(sentence.startswith("every primary: it is Redis") for sentence in told)
    assert "3 primaries serve all 16384 slots" in told
    (alone,) = [sentence for sentence in told if "have no replica" in sentence]
    assert all(server.address in alone for server in cluster.servers)


async def test_a_redis_that_is_away_cannot_be_inspected(server: RedisServer) -> None:
    """That is for the caller to tell."""
    server.stop()
    try:
        with pytest.raises(Unavailable):
            await findings(server.url)
    finally:
        server.restart()


async def test_a_primary_that_is_away_is_named_and_takes_nobody_with_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whoever needs it is answered 503; all others are served, so we are ready for them."""
    deployment = ClusterDeployment.start(
        tmp_path_factory.mktemp("cluster"), "--cluster-require-full-coverage", "no", replicas=0
    )
    connection = RedisConnection.from_url(deployment.url)
    away = deployment.servers[2]
    try:
        await inspect(connection)
        away.kill()
        await RedisProbe(connection, SystemClock()).check()
        found = await inspect(connection)
    finally:
        await connection.close()
        deployment.stop()

    (fault,) = [finding for finding in found if finding.severity is Severity.FAULT]
    assert fault.sentence.startswith(f"{away.address} does not answer")
