"""Noting use costs no request anything: counted over ten thousand of them."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters.sqlite.connection import SqliteDatabase
from domain.model.credentials import PresentedCredentials
from domain.model.limits import FailureLimits
from domain.model.usage import NOTED_EVERY
from support.core import HandWiredCore, build_core, draft
from support.redis_monitor import watched_commands
from support.redis_server import RedisServer
from support.stores import Stores, redis_stores, sqlite_stores

REQUESTS = 10_000
MINUTES = 2
CLIENTS = ("ledger", "payroll")

UNLIMITED = FailureLimits(per_client_and_source=None, per_client=None, per_source=None)
WRITTEN_BY_THEN = 0.8


async def build(stores: Stores) -> tuple[HandWiredCore, list[PresentedCredentials]]:
    """Register the clients, and see that nothing is left to be read for the first time."""
    core = await build_core(stores=stores, limits=UNLIMITED)
    clients = [await core.register(draft(client_id)) for client_id in CLIENTS]
    await core.issue(await core.register(draft("somebody")))
    await asyncio.sleep(WRITTEN_BY_THEN)
    return core, clients


async def ask(core: HandWiredCore, clients: list[PresentedCredentials]) -> None:
    """Ask for tokens in turn, all through the minutes."""
    a_minutes = REQUESTS // MINUTES
    for _ in range(MINUTES):
        for number in range(a_minutes):
            await core.issue(clients[number % len(clients)])
            core.clock.advance(NOTED_EVERY / a_minutes)
        await asyncio.sleep(WRITTEN_BY_THEN)


async def test_redis_hears_of_a_client_once_a_minute(redis_server: RedisServer) -> None:
    """In one command, whatever was used; else every request is one read and no write."""
    redis_server.flush()
    async with redis_stores(redis_server.url) as stores:
        core, clients = await build(stores)

        with watched_commands(redis_server.port) as commands:
            await ask(core, clients)

    assert Counter(commands) == {"MGET": REQUESTS}
    assert Counter(commands.use_notes) == dict.fromkeys(CLIENTS, MINUTES)
    assert Counter(commands.use_writes) == dict.fromkeys(CLIENTS, MINUTES)


async def test_sqlite_takes_one_step_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For whatever was used meanwhile; no request writes anything itself."""
    steps: list[Any] = []
    write = SqliteDatabase.write

    async def counted(database: SqliteDatabase, step: Any, /, **arguments: Any) -> Any:  # noqa: ANN401  (as the one it stands for)
        steps.append(step)
        return await write(database, step, **arguments)

    async with sqlite_stores(tmp_path / "grantd.db") as stores:
        core, clients = await build(stores)
        monkeypatch.setattr(SqliteDatabase, "write", counted)

        await ask(core, clients)

    assert len(steps) == MINUTES
