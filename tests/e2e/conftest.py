"""One server per module and store; a module says what it needs of settings and clients."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.grantd_process import GrantdProcess
from support.redis_server import RedisServer

StartGrantd = Callable[..., GrantdProcess]
PrepareGrantd = Callable[..., GrantdProcess]


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
    with _Servers(tmp_path_factory, redis_database) as servers:
        yield servers.start


@pytest.fixture
def prepare_grantd(
    tmp_path_factory: pytest.TempPathFactory, redis_database: Callable[[], str]
) -> Iterator[PrepareGrantd]:
    """Prepare servers that the test starts itself, and that end with it."""
    with _Servers(tmp_path_factory, redis_database) as servers:
        yield servers.prepare


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(params=["sqlite", "redis"])
def grantd(
    request: pytest.FixtureRequest, tmp_path: Path, redis_database: Callable[[], str]
) -> GrantdProcess:
    """Whose commands a test runs, on a store of each kind; it does not serve yet."""
    url = redis_database() if request.param == "redis" else ""
    return GrantdProcess(tmp_path, store=url)


@pytest.fixture
def embedded(tmp_path: Path) -> GrantdProcess:
    """The same on SQLite alone."""
    return GrantdProcess(tmp_path)


# Most modules fail on purpose, and often; whoever asks for limits names them.
_UNLIMITED = {
    "failures_per_client_and_source": "off",
    "failures_per_client": "off",
    "failures_per_source": "off",
}
_HTTP_ONLY = {"grpc": "off"}


class _Servers(ExitStack):
    """Servers of one scope, each in a folder and on a store of its own."""

    def __init__(self, folders: pytest.TempPathFactory, redis_database: Callable[[], str]) -> None:
        super().__init__()
        self._folders = folders
        self._redis_database = redis_database

    def prepare(
        self, store: str = "sqlite", settings: Mapping[str, str] = {}, *, grpc: bool = False
    ) -> GrantdProcess:
        """Prepare a server on `sqlite`, on `redis`, or on a store given by its URL.

        Args:
            grpc: Whether it speaks gRPC as well; another worker takes its time to start.
        """
        url = {"sqlite": "", "redis": ""}.get(store, store)
        if store == "redis":
            url = self._redis_database()
        server = GrantdProcess(
            self._folders.mktemp("grantd"),
            store=url,
            settings={**_UNLIMITED, **({} if grpc else _HTTP_ONLY), **settings},
        )
        self.callback(server.stop)
        return server

    def start(
        self, store: str = "sqlite", settings: Mapping[str, str] = {}, *, grpc: bool = False
    ) -> GrantdProcess:
        """Prepare such a server, and have it serve."""
        return self.prepare(store, settings, grpc=grpc).start()
