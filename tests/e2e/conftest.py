"""One server per module and store; a module says what it needs of settings and clients."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from support.grantd_process import GrantdProcess
from support.redis_server import RedisServer

StartGrantd = Callable[..., GrantdProcess]


@pytest.fixture(scope="session")
def e2e_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One real Redis for all servers; each takes a database of its own."""
    server = RedisServer.start(tmp_path_factory.mktemp("redis"), "--databases", "256")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_database(e2e_redis: RedisServer) -> Callable[[], str]:
    """Hand out the URL of a database that nobody has used."""
    numbers = iter(range(256))
    return lambda: f"{e2e_redis.url.rstrip('/').removesuffix('/0')}/{next(numbers)}"


@pytest.fixture(scope="module")
def start_grantd(
    tmp_path_factory: pytest.TempPathFactory, redis_database: Callable[[], str]
) -> Iterator[StartGrantd]:
    """Start servers that end with the module."""
    started: list[GrantdProcess] = []

    def start(store: str = "sqlite", settings: Mapping[str, str] = {}) -> GrantdProcess:
        folder: Path = tmp_path_factory.mktemp("grantd")
        url = redis_database() if store == "redis" else ""
        started.append(GrantdProcess(folder, store=url, settings=settings))
        return started[-1].start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind
