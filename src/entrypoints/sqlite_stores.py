"""The embedded store (D7)."""

from functools import partial

from adapters.sqlite.access_tokens import SqliteAccessTokenStore
from adapters.sqlite.assertion_replays import SqliteAssertionReplays
from adapters.sqlite.catalogue import SqliteCatalogueStore
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.inspection import inspect
from adapters.sqlite.probe import SqliteProbe
from adapters.sqlite.rate_limiter import SqliteRateLimiter
from adapters.sqlite.revocations import SqliteRevocationList
from adapters.sqlite.usage import SqliteUsageStore
from adapters.store_trips import TripObserver
from entrypoints.settings import Settings
from entrypoints.stores import Stores


def sqlite_stores(settings: Settings, trips: TripObserver) -> Stores:
    database = SqliteDatabase.open(settings.sqlite_path, trips=trips)
    usage = SqliteUsageStore(database)

    async def close() -> None:
        await usage.close()
        await database.close()

    return Stores(
        clients=SqliteClientStore(database),
        catalogue=SqliteCatalogueStore(database),
        families=SqliteRefreshFamilyStore(database),
        revocations=SqliteRevocationList(database),
        access_tokens=SqliteAccessTokenStore(database),
        replays=SqliteAssertionReplays(database),
        limiter=SqliteRateLimiter(database),
        usage=usage,
        probe=SqliteProbe(database),
        inspect=partial(inspect, settings.sqlite_path),
        close=close,
    )
