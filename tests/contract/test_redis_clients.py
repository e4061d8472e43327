"""Steps that touch several slots cannot be one; what they leave is consistent all the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.errors import ClientExists
from domain.model.clients import Client
from support.domain_samples import LEDGER, client
from support.stores import Stores, redis_stores

_MANY = 50


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[Stores]:
    async with redis_stores(redis_url) as opened:
        yield opened


async def is_added(stores: Stores, one: Client) -> bool:
    try:
        await stores.clients.add(one)
    except ClientExists:
        return False
    return True


async def test_those_who_are_refused_leave_the_winner_its_names(stores: Stores) -> None:
    """They give back what they claimed themselves, and nothing else."""
    same = client(owner="ada")

    added = await asyncio.gather(*(is_added(stores, same) for _ in range(_MANY)))

    assert added.count(True) == 1
    assert not await is_added(stores, client("ada"))
    assert await stores.clients.page(after=None, limit=10) == [same]
    assert await stores.clients.remove(LEDGER)
    assert await is_added(stores, client("ada"))


async def test_a_name_is_an_owners_or_a_clients(stores: Stores) -> None:
    """However closely both ask for it (RFC 9068 §5)."""
    for number in range(_MANY):
        name = f"name-{number}"
        added = await asyncio.gather(
            is_added(stores, client(f"client-{number}", owner=name)),
            is_added(stores, client(name)),
        )

        assert added.count(True) == 1


async def test_a_client_that_is_removed_and_made_again_is_listed(stores: Stores) -> None:
    """What is cleared away after the old one is not the new one's."""

    async def come_and_go() -> None:
        for _ in range(5):
            await is_added(stores, client(owner="ada"))
            await stores.clients.remove(LEDGER)

    await asyncio.gather(*(come_and_go() for _ in range(10)))
    assert await is_added(stores, client(owner="ada"))

    assert await stores.clients.page(after=None, limit=10) == [client(owner="ada")]
    assert not await is_added(stores, client("ada"))
