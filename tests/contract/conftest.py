from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.cutting_proxy import CuttingProxy
from support.redis_server import RedisServer
from support.stores import Stores, memory_stores, redis_stores, sqlite_stores


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    """Empty stores of each kind."""
    match request.param:
        case "memory":
            opened = memory_stores()
        case "sqlite":
            opened = sqlite_stores(tmp_path / "grantd.db")
        case _:
            opened = redis_stores(request.getfixturevalue("redis_url"))
    async with opened as empty:
        yield empty


@pytest.fixture
async def another(stores: Stores) -> AsyncIterator[Stores]:
    """The same data as *stores*, over a connection of its own."""
    async with stores.open_another() as opened:
        yield opened


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[CuttingProxy]:
    """The way to an empty Redis, which tells what goes there and can be cut."""
    redis_server.flush()
    async with CuttingProxy.open(redis_server.port) as opened:
        yield opened
