import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from support.conformance import ConformanceRun
from support.redis_server import RedisServer


def pytest_configure(config: pytest.Config) -> None:
    # A run that a shell has put into the background ignores interrupts, and so would our commands.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(ConformanceRun(), "conformance")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what mostly waits, then the largest files: no core is idle at the end."""
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.get_closest_marker("waits") is None, -sizes[item.path]))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for the whole run; a test that mistreats a server starts its own."""
    server = RedisServer.start(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    redis_server.flush()
    return redis_server.url
