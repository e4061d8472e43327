"""Reads of one turn of the event loop share a round trip to Redis (D2)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.model.identifiers import ClientId
from domain.model.limits import Balance, Spent
from support.catalogue_steps import put
from support.cutting_proxy import CuttingProxy
from support.domain_samples import (
    HOUR,
    NOW,
    claims,
    client,
    digest,
    family,
    limit_key,
    scope_definition,
    token_id,
)
from support.stores import Stores, redis_stores

_MANY = 200


@pytest.fixture
async def stores(proxy: CuttingProxy) -> AsyncIterator[Stores]:
    async with redis_stores(proxy.url) as opened:
        yield opened


async def test_two_hundred_callers_share_a_handful_of_round_trips(
    proxy: CuttingProxy, stores: Stores
) -> None:
    """Each has its own answer all the same."""
    ids = [ClientId(f"client-{number:03d}") for number in range(_MANY)]
    for client_id in ids:
        await stores.clients.add(client(client_id))

    async def ask(client_id: ClientId) -> str | None:
        found = await stores.clients.find(client_id)
        return found.client_id if found is not None else None

    assert await asyncio.gather(*map(ask, ids)) == ids
    assert len(proxy.sent("MGET")) <= 4
    assert not proxy.sent("GET")


async def test_all_that_one_request_foresees_is_one_round_trip(
    proxy: CuttingProxy, stores: Stores
) -> None:
    """The catalogue's version, the client, its budgets and what its token names, together."""
    await stores.clients.add(client())
    await stores.families.open(family(), limit=1, now=NOW)
    await stores.revocations.add(token_id(), until=NOW + HOUR, now=NOW)
    await stores.access_tokens.add(digest(), claims())
    await stores.rate_limiter.spend(limit_key(2), window=HOUR, now=NOW)
    await stores.rate_limiter.vouch(limit_key(), until=NOW + HOUR, now=NOW)

    foreseen = (
        stores.catalogue.version(),
        stores.clients.find(client().client_id),
        stores.families.find(family().family_id, now=NOW),
        stores.revocations.contains(token_id(), now=NOW),
        stores.access_tokens.find(digest(), now=NOW),
        stores.rate_limiter.peek([limit_key(number) for number in range(3)], limit_key(), now=NOW),
    )
    answers = [await reading for reading in foreseen]

    balance = Balance((None, None, Spent(1, NOW + HOUR)), vouched=True)
    assert answers == [0, client(), family(), True, claims(), balance]
    assert len(proxy.sent("MGET")) == 1


async def test_a_cancelled_caller_fails_no_other(stores: Stores) -> None:
    """However many leave while the round trip is under way."""
    await stores.clients.add(client())

    async def ask() -> object:
        return await stores.clients.find(client().client_id)

    callers = [asyncio.create_task(ask()) for _ in range(_MANY)]
    await asyncio.sleep(0)
    for leaving in callers[::2]:
        leaving.cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)

    assert answers[1::2] == [client()] * (_MANY // 2)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])


async def test_a_lost_round_trip_is_made_again(proxy: CuttingProxy, stores: Stores) -> None:
    """A connection that breaks under two hundred readers is nothing they notice."""
    await stores.clients.add(client())
    proxy.lose_reply_to("MGET")

    async def ask() -> object:
        return await stores.clients.find(client().client_id)

    assert await asyncio.gather(*(ask() for _ in range(_MANY))) == [client()] * _MANY
    assert len(proxy.sent("MGET")) == 2


async def test_who_saw_one_version_of_the_catalogue_shares_one_load(
    proxy: CuttingProxy, stores: Stores
) -> None:
    """A changed catalogue is not read two hundred times over, even if some leave meanwhile."""
    await put(stores.catalogue, scopes=[scope_definition("invoices.read")])
    seen = await stores.catalogue.version()
    before = len(proxy.sent("EVALSHA"))

    loads = [asyncio.create_task(stores.catalogue.load(seen=seen)) for _ in range(_MANY)]
    await asyncio.sleep(0)
    for leaving in loads[::2]:
        leaving.cancel()
    loaded = await asyncio.gather(*loads, return_exceptions=True)

    assert {one.version for one in loaded[1::2]} == {seen}
    assert len(proxy.sent("EVALSHA")) - before <= 2  # a script that is new to Redis is sent anew
