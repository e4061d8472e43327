"""Every contract holds on every store, and on every kind of Redis.

`cluster` runs everything, since there each step has to stay in one slot and
reads go to several nodes. `valkey` runs everything too, over TLS and as a user
who may do what docs/operations.md says and no more: what a contract needs and
the line there lacks fails here. `sentinel` differs in how the server is found
alone, so it runs what a fleet relies on most; the faults of finding it have
tests of their own.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.redis import permissions
from adapters.redis.credentials import CredentialFiles
from support.cutting_proxy import CuttingProxy
from support.redis_certificates import RedisCertificates
from support.redis_cluster import ClusterDeployment
from support.redis_sentinel import SentinelDeployment
from support.redis_server import RedisServer, acl_user
from support.stores import Stores, memory_stores, redis_stores, sqlite_stores

_ON_SENTINEL_TOO = frozenset({"test_revocation_list", "test_assertion_replays"})
_PASSWORD = "open-sesame"
_UNHURRIED = ("--appendfsync", "everysec")  # a busy disk is not what these are about


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if not _is_too_much(item)]


def _is_too_much(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or item.path.stem in _ON_SENTINEL_TOO:
        return False
    return hasattr(item, "callspec") and item.callspec.params.get("stores") == "sentinel"


@pytest.fixture(params=["memory", "sqlite", "redis", "cluster", "valkey", "sentinel"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    """Empty stores of each kind."""
    match request.param:
        case "memory":
            opened = memory_stores()
        case "sqlite":
            opened = sqlite_stores(tmp_path / "grantd.db")
        case "redis":
            opened = redis_stores(request.getfixturevalue("redis_url"))
        case "valkey":
            url, files = request.getfixturevalue("valkey")
            opened = redis_stores(url, files=files)
        case deployment:
            opened = redis_stores(request.getfixturevalue(f"{deployment}_url"))
    async with opened as empty:
        yield empty


@pytest.fixture
async def another(stores: Stores) -> AsyncIterator[Stores]:
    """The same data as *stores*, over a connection of its own."""
    async with stores.open_another() as opened:
        yield opened


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterDeployment]:
    """Three masters, patient with each other; a test that mistreats masters starts its own."""
    folder = tmp_path_factory.mktemp("cluster")
    started = ClusterDeployment.start(
        folder, "--cluster-node-timeout", "15000", *_UNHURRIED, replicas=0
    )
    yield started
    started.stop()


@pytest.fixture
def cluster_url(cluster: ClusterDeployment) -> str:
    """The address of an empty cluster."""
    cluster.flush()
    return cluster.url


@pytest.fixture(scope="session")
def sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelDeployment]:
    started = SentinelDeployment.start(tmp_path_factory.mktemp("sentinel"), *_UNHURRIED)
    yield started
    started.stop()


@pytest.fixture
def sentinel_url(sentinel: SentinelDeployment) -> str:
    """The address of an empty Redis under Sentinel."""
    sentinel.flush()
    return sentinel.url


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    folder = tmp_path_factory.mktemp("valkey")
    started = RedisServer.start(
        folder,
        *acl_user("grantd", _PASSWORD, *permissions.rules().split()),
        *_UNHURRIED,
        certificates=RedisCertificates.issue(folder),
        program="valkey-server",
    )
    (folder / "password").write_text(_PASSWORD)
    yield started
    started.stop()


@pytest.fixture
def valkey(valkey_server: RedisServer) -> tuple[str, CredentialFiles]:
    """The way to an empty Valkey, over TLS and for a user of few rights."""
    valkey_server.flush()
    folder = valkey_server.directory
    files = CredentialFiles(password=folder / "password", ca=folder / "ca.pem")
    return valkey_server.url.replace("://", "://grantd@"), files


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[CuttingProxy]:
    """The way to an empty Redis, which tells what goes there and can be cut."""
    redis_server.flush()
    async with CuttingProxy.open(redis_server.port) as opened:
        yield opened
