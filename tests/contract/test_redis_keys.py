"""What grantd leaves in Redis: where it lies, and how long."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from domain.errors import ClientExists
from domain.model.families import AttemptId, Generation
from domain.model.identifiers import ClientId
from domain.model.policy import DeclaredPolicy
from domain.model.usage import Use, UseKind
from support.catalogue_steps import drop, put
from support.cutting_proxy import CuttingProxy
from support.domain_samples import (
    DAY,
    HOUR,
    INVOICES,
    LEDGER,
    NOW,
    PAYROLL,
    assertion_id,
    claims,
    client,
    digest,
    family,
    family_id,
    limit_key,
    resource,
    scope_definition,
    sealed_keys,
    token_id,
)
from support.redis_server import RedisServer
from support.stores import Stores, redis_stores

_WITHOUT_END = re.compile(
    rb"grantd:\{([0-9a-f]{3}\}:(client|owner):.+"
    rb"|catalogue\}:(version|scopes|resources|keys|policy)|clients\}:index)"
)
MINUTE = timedelta(minutes=1)
_BIRTH = b"\0" + 24 * b"0"


@pytest.fixture
async def stores(proxy: CuttingProxy) -> AsyncIterator[Stores]:
    async with redis_stores(proxy.url) as opened:
        yield opened


@pytest.fixture
async def redis(stores: Stores, redis_server: RedisServer) -> AsyncIterator[Redis]:
    """A look into Redis after a story that takes every step there is."""
    await tell_the_whole_story(stores)
    async with Redis.from_url(redis_server.url) as client:
        yield client


async def tell_the_whole_story(stores: Stores) -> None:
    await put(
        stores.catalogue,
        keys=sealed_keys(),
        resources=[resource(), resource("https://gone.example")],
        scopes=[scope_definition("read", resource=INVOICES), scope_definition("write")],
    )
    await drop(stores.catalogue, "https://gone.example", "write")
    catalogue = await stores.catalogue.load()
    declared = replace(catalogue, policy=DeclaredPolicy(require_scope=True))
    await stores.catalogue.replace(declared, seen=catalogue)
    await stores.clients.add(client(owner="ada"))
    await stores.clients.replace(replace(client(owner="ada"), version=2), seen=1)
    await stores.clients.add(client(PAYROLL, owner="bob"))
    with pytest.raises(ClientExists):
        await stores.clients.add(client("ada"))
    stores.usage.note([Use(client_id=PAYROLL, kind=UseKind.CLIENT, at=NOW)])
    await stores.settle_usage()
    assert await stores.clients.remove(PAYROLL)
    for number in range(3):
        await stores.families.open(family(number), limit=2, now=NOW)
    await stores.families.rotate(
        family_id(1),
        attempt=AttemptId("once"),
        presented=Generation(1),
        owner=LEDGER,
        now=NOW,
        grace=timedelta(),
        expires_at=NOW + 2 * DAY,
        retire_access=True,
    )
    assert await stores.families.end(family_id(2), now=NOW)
    await stores.revocations.add(token_id(), until=NOW + HOUR, now=NOW)
    for number in range(2):
        await stores.access_tokens.add(digest(number), claims(number))
    assert await stores.access_tokens.remove(digest(0))
    for unspent in (True, False):
        until = NOW + 10 * MINUTE
        assert unspent == await stores.assertion_replays.spend(assertion_id(), until=until, now=NOW)
    for window in (5 * MINUTE, HOUR):
        await stores.rate_limiter.spend(limit_key(), window=window, now=NOW)
        await stores.rate_limiter.vouch(limit_key(), until=NOW + 30 * DAY, now=NOW)
    stores.usage.note([Use(client_id=LEDGER, kind=UseKind.CLIENT, at=NOW)])
    await stores.settle_usage()
    await stores.catalogue.load()


async def test_all_but_clients_and_the_catalogue_expires(redis: Redis) -> None:
    """Nothing needs a janitor (D1)."""
    endless = [key async for key in redis.scan_iter() if await redis.pttl(key) < 0]

    assert endless
    assert [key for key in endless if not _WITHOUT_END.fullmatch(key)] == []


async def test_what_expires_is_kept_as_long_as_it_may_be_asked_for(redis: Redis) -> None:
    """Redis may not forget before we would."""
    kept = {key: await redis.pttl(key) async for key in redis.scan_iter()}
    by_kind = {key.split(b":")[2]: ttl for key, ttl in kept.items() if ttl >= 0}

    minute, hour, day = 60_000, 3_600_000, 86_400_000
    assert set(by_kind) == {
        *(b"family", b"families-by-age", b"families-by-expiry"),
        *(b"revoked", b"token", b"receipt"),
        *(b"spent-assertion", b"spent-budget", b"voucher"),
        b"usage",
    }
    assert 0 < by_kind[b"receipt"] <= minute
    assert hour - minute < by_kind[b"revoked"] <= hour
    assert hour - minute < by_kind[b"token"] <= hour
    assert 9 * minute < by_kind[b"spent-assertion"] <= 10 * minute
    assert 4 * minute < by_kind[b"spent-budget"] <= 5 * minute
    assert 30 * day - minute < by_kind[b"voucher"] <= 30 * day
    assert 400 * day - minute < by_kind[b"usage"] <= 400 * day
    assert day - minute < by_kind[b"family"] <= 2 * day
    assert 2 * day - minute < by_kind[b"families-by-age"] <= 2 * day
    assert 2 * day - minute < by_kind[b"families-by-expiry"] <= 2 * day


async def test_a_client_that_is_removed_leaves_nothing(redis: Redis) -> None:
    """Neither its name, nor its owner's, nor its place in the index."""
    left = [key async for key in redis.scan_iter()]
    index = await redis.zrangebylex("grantd:{clients}:index", "[a", "[z")

    assert not [key for key in left if b"payroll" in key or b"bob" in key]
    assert [entry[: -len(_BIRTH)] for entry in index] == [b"ledger"]


async def test_every_script_stays_within_one_slot(proxy: CuttingProxy, redis: Redis) -> None:
    """So that a cluster can run it (D7)."""
    runs = [command[3 : 3 + int(command[2])] for command in proxy.sent("EVAL", "EVALSHA")]

    assert len(runs) > 20
    assert [keys for keys in runs if len({key_slot(key) for key in keys}) != 1] == []


async def test_a_client_is_found_by_page_only_once_it_is_there(
    stores: Stores, redis: Redis
) -> None:
    """Index entries that a crash left behind are passed over."""
    await redis.zadd(
        "grantd:{clients}:index",
        {b"aaa\0deadbeef": 0, b"ledger\0deadbeef": 0, b"zzz\0deadbeef": 0},
    )

    for limit in (1, 2, 3, 10):
        page = await stores.clients.page(after=None, limit=limit)
        assert [one.client_id for one in page] == [LEDGER]
    assert await stores.clients.page(after=ClientId("ledger"), limit=10) == []
