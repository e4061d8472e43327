"""All stores of one kind together, as tests take them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from adapters.memory.access_tokens import MemoryAccessTokenStore
from adapters.memory.assertion_replays import MemoryAssertionReplays
from adapters.memory.catalogue import MemoryCatalogueStore
from adapters.memory.clients import MemoryClientStore
from adapters.memory.families import MemoryRefreshFamilyStore
from adapters.memory.rate_limiter import MemoryRateLimiter
from adapters.memory.revocations import MemoryRevocationList
from adapters.memory.usage import MemoryUsageStore
from adapters.redis.access_tokens import RedisAccessTokenStore
from adapters.redis.assertion_replays import RedisAssertionReplays
from adapters.redis.catalogue import RedisCatalogueStore
from adapters.redis.clients import RedisClientStore
from adapters.redis.connection import RedisConnection
from adapters.redis.credentials import CredentialFiles
from adapters.redis.families import RedisRefreshFamilyStore
from adapters.redis.rate_limiter import RedisRateLimiter
from adapters.redis.revocations import RedisRevocationList
from adapters.redis.usage import RedisUsageStore
from adapters.sqlite.access_tokens import SqliteAccessTokenStore
from adapters.sqlite.assertion_replays import SqliteAssertionReplays
from adapters.sqlite.catalogue import SqliteCatalogueStore
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.rate_limiter import SqliteRateLimiter
from adapters.sqlite.revocations import SqliteRevocationList
from adapters.sqlite.usage import SqliteUsageStore
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.assertions import AssertionReplays
from domain.ports.catalogue import CatalogueStore
from domain.ports.clients import ClientStore
from domain.ports.families import RefreshFamilyStore
from domain.ports.rate_limiter import RateLimiter
from domain.ports.revocations import RevocationList
from domain.ports.usage import UsageStore

_NO_FILES: Final = CredentialFiles()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every store port on one connection.

    Attributes:
        settle_usage: Waits until the uses noted before are written.

        open_another: Opens the same data over a connection of its own, as
            another process would have it.
    """

    clients: ClientStore
    catalogue: CatalogueStore
    families: RefreshFamilyStore
    revocations: RevocationList
    access_tokens: AccessTokenStore
    assertion_replays: AssertionReplays
    rate_limiter: RateLimiter
    usage: UsageStore
    settle_usage: Callable[[], Awaitable[None]]
    open_another: Callable[[], AbstractAsyncContextManager["Stores"]]


@asynccontextmanager
async def memory_stores() -> AsyncIterator[Stores]:
    """Open empty stores that live as long as somebody holds them; each opening is the same one."""

    @asynccontextmanager
    async def the_same() -> AsyncIterator[Stores]:
        yield stores

    async def at_once() -> None:
        pass

    clients = MemoryClientStore()
    stores = Stores(
        clients=clients,
        catalogue=MemoryCatalogueStore(),
        families=MemoryRefreshFamilyStore(),
        revocations=MemoryRevocationList(),
        access_tokens=MemoryAccessTokenStore(),
        assertion_replays=MemoryAssertionReplays(),
        rate_limiter=MemoryRateLimiter(),
        usage=MemoryUsageStore(clients),
        settle_usage=at_once,
        open_another=the_same,
    )
    yield stores


@asynccontextmanager
async def sqlite_stores(path: Path) -> AsyncIterator[Stores]:
    """Open the database at *path*, which is made if it is not there."""
    database = SqliteDatabase.open(path)
    usage = SqliteUsageStore(database)
    try:
        yield Stores(
            clients=SqliteClientStore(database),
            catalogue=SqliteCatalogueStore(database),
            families=SqliteRefreshFamilyStore(database),
            revocations=SqliteRevocationList(database),
            access_tokens=SqliteAccessTokenStore(database),
            assertion_replays=SqliteAssertionReplays(database),
            rate_limiter=SqliteRateLimiter(database),
            usage=usage,
            settle_usage=usage.close,
            open_another=partial(sqlite_stores, path),
        )
    finally:
        await usage.close()
        await database.close()


@asynccontextmanager
async def redis_stores(
    url: str, *, files: CredentialFiles = _NO_FILES, wait_replicas: int = 0
) -> AsyncIterator[Stores]:
    """Connect to the Redis at *url*, which holds what it holds."""
    connection = RedisConnection.from_url(url, files=files, wait_replicas=wait_replicas)
    usage = RedisUsageStore(connection)
    try:
        yield Stores(
            clients=RedisClientStore(connection),
            catalogue=RedisCatalogueStore(connection),
            families=RedisRefreshFamilyStore(connection),
            revocations=RedisRevocationList(connection),
            access_tokens=RedisAccessTokenStore(connection),
            assertion_replays=RedisAssertionReplays(connection),
            rate_limiter=RedisRateLimiter(connection),
            usage=usage,
            settle_usage=usage.close,
            open_another=partial(redis_stores, url, files=files, wait_replicas=wait_replicas),
        )
    finally:
        await usage.close()
        await connection.close()
