"""The store of a fleet (D7)."""

from functools import partial

from adapters.redis.access_tokens import RedisAccessTokenStore
from adapters.redis.assertion_replays import RedisAssertionReplays
from adapters.redis.audit_trail import RedisAuditStream
from adapters.redis.catalogue import RedisCatalogueStore
from adapters.redis.clients import RedisClientStore
from adapters.redis.connection import RedisConnection
from adapters.redis.credentials import CredentialFiles
from adapters.redis.families import RedisRefreshFamilyStore
from adapters.redis.inspection import inspect
from adapters.redis.probe import RedisProbe
from adapters.redis.rate_limiter import RedisRateLimiter
from adapters.redis.revocations import RedisRevocationList
from adapters.redis.usage import RedisUsageStore
from adapters.store_trips import TripObserver
from domain.ports.clock import Clock
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings
from entrypoints.stores import Stores


def redis_stores(settings: Settings, clock: Clock, trips: TripObserver) -> Stores:
    try:
        redis = RedisConnection.from_url(
            settings.store,
            files=CredentialFiles(
                password=settings.store_password_file,
                ca=settings.store_ca_file,
                certificate=settings.store_certificate_file,
                certificate_key=settings.store_certificate_key_file,
                sentinel_username=settings.sentinel_username or None,
                sentinel_password=settings.sentinel_password_file,
            ),
            wait_replicas=settings.wait_replicas,
            trips=trips,
        )
    except ValueError as error:
        raise RefusedToStart(str(error)) from error
    usage = RedisUsageStore(redis)

    async def close() -> None:
        await usage.close()
        await redis.close()

    return Stores(
        clients=RedisClientStore(redis),
        catalogue=RedisCatalogueStore(redis),
        families=RedisRefreshFamilyStore(redis),
        revocations=RedisRevocationList(redis),
        access_tokens=RedisAccessTokenStore(redis),
        replays=RedisAssertionReplays(redis),
        limiter=RedisRateLimiter(redis),
        usage=usage,
        probe=RedisProbe(redis, clock),
        inspect=partial(inspect, redis, wait_replicas=settings.wait_replicas),
        close=close,
        audit=(RedisAuditStream(redis, length=settings.audit_stream_length),),
    )
