"""All stores of one kind together, as tests take them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from adapters.memory.access_tokens import MemoryAccessTokenStore
from adapters.memory.assertion_replays import MemoryAssertionReplays
from adapters.memory.catalogue import (
    MemoryCatalogueReader,
    MemoryCatalogueState,
    MemoryKeyStore,
    MemoryResourceStore,
    MemoryScopeStore,
)
from adapters.memory.clients import MemoryClientStore
from adapters.memory.families import MemoryRefreshFamilyStore
from adapters.memory.rate_limiter import MemoryRateLimiter
from adapters.memory.revocations import MemoryRevocationList
from adapters.redis.access_tokens import RedisAccessTokenStore
from adapters.redis.assertion_replays import RedisAssertionReplays
from adapters.redis.catalogue import (
    RedisCatalogueReader,
    RedisKeyStore,
    RedisResourceStore,
    RedisScopeStore,
)
from adapters.redis.clients import RedisClientStore
from adapters.redis.connection import RedisConnection
from adapters.redis.families import RedisRefreshFamilyStore
from adapters.redis.rate_limiter import RedisRateLimiter
from adapters.redis.revocations import RedisRevocationList
from adapters.sqlite.access_tokens import SqliteAccessTokenStore
from adapters.sqlite.assertion_replays import SqliteAssertionReplays
from adapters.sqlite.catalogue import (
    SqliteCatalogueReader,
    SqliteKeyStore,
    SqliteResourceStore,
    SqliteScopeStore,
)
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.rate_limiter import SqliteRateLimiter
from adapters.sqlite.revocations import SqliteRevocationList
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.assertions import AssertionReplays
from domain.ports.catalogue import CatalogueReader, KeyStore, ResourceStore, ScopeStore
from domain.ports.clients import ClientStore
from domain.ports.families import RefreshFamilyStore
from domain.ports.rate_limiter import RateLimiter
from domain.ports.revocations import RevocationList


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every store port on one connection.

    Attributes:
        open_another: Opens the same data over a connection of its own, as
            another process would have it.
    """

    clients: ClientStore
    catalogue: CatalogueReader
    scopes: ScopeStore
    resources: ResourceStore
    keys: KeyStore
    families: RefreshFamilyStore
    revocations: RevocationList
    access_tokens: AccessTokenStore
    assertion_replays: AssertionReplays
    rate_limiter: RateLimiter
    open_another: Callable[[], AbstractAsyncContextManager["Stores"]]


@asynccontextmanager
async def memory_stores() -> AsyncIterator[Stores]:
    """Open empty stores that live as long as somebody holds them; each opening is the same one."""
    state = MemoryCatalogueState()

    @asynccontextmanager
    async def the_same() -> AsyncIterator[Stores]:
        yield stores

    stores = Stores(
        clients=MemoryClientStore(),
        catalogue=MemoryCatalogueReader(state),
        scopes=MemoryScopeStore(state),
        resources=MemoryResourceStore(state),
        keys=MemoryKeyStore(state),
        families=MemoryRefreshFamilyStore(),
        revocations=MemoryRevocationList(),
        access_tokens=MemoryAccessTokenStore(),
        assertion_replays=MemoryAssertionReplays(),
        rate_limiter=MemoryRateLimiter(),
        open_another=the_same,
    )
    yield stores


@asynccontextmanager
async def sqlite_stores(path: Path) -> AsyncIterator[Stores]:
    """Open the database at *path*, which is made if it is not there."""
    database = SqliteDatabase.open(path)
    try:
        yield Stores(
            clients=SqliteClientStore(database),
            catalogue=SqliteCatalogueReader(database),
            scopes=SqliteScopeStore(database),
            resources=SqliteResourceStore(database),
            keys=SqliteKeyStore(database),
            families=SqliteRefreshFamilyStore(database),
            revocations=SqliteRevocationList(database),
            access_tokens=SqliteAccessTokenStore(database),
            assertion_replays=SqliteAssertionReplays(database),
            rate_limiter=SqliteRateLimiter(database),
            open_another=partial(sqlite_stores, path),
        )
    finally:
        await database.close()


@asynccontextmanager
async def redis_stores(url: str) -> AsyncIterator[Stores]:
    """Connect to the Redis at *url*, which holds what it holds."""
    connection = RedisConnection.from_url(url)
    try:
        yield Stores(
            clients=RedisClientStore(connection),
            catalogue=RedisCatalogueReader(connection),
            scopes=RedisScopeStore(connection),
            resources=RedisResourceStore(connection),
            keys=RedisKeyStore(connection),
            families=RedisRefreshFamilyStore(connection),
            revocations=RedisRevocationList(connection),
            access_tokens=RedisAccessTokenStore(connection),
            assertion_replays=RedisAssertionReplays(connection),
            rate_limiter=RedisRateLimiter(connection),
            open_another=partial(redis_stores, url),
        )
    finally:
        await connection.close()
