"""How the indices of a client's families tell which to end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.model.families import AttemptId, Generation, Rotated
from support.domain_samples import DAY, HOUR, LEDGER, MOMENT, NOW, family, family_id
from support.stores import Stores, redis_stores


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[Stores]:
    async with redis_stores(redis_url) as opened:
        yield opened


async def live(stores: Stores, *numbers: int) -> list[int]:
    readings = {n: stores.families.find(family_id(n), now=NOW) for n in numbers}
    found = {n: await reading for n, reading in readings.items()}
    return [n for n, kept in found.items() if kept is not None and not kept.ended]


async def test_families_of_one_millisecond_end_in_the_order_they_came(stores: Stores) -> None:
    """Their ids say nothing of it."""
    for number in (9, 3, 7, 1, 5):
        await stores.families.open(family(number), limit=2, now=NOW)

    assert await live(stores, 9, 3, 7, 1, 5) == [1, 5]


async def test_a_family_that_has_expired_makes_room(stores: Stores) -> None:
    """Only live ones count, however long Redis keeps the others."""
    for number in (1, 2, 3):
        await stores.families.open(
            family(number, created_at=NOW + number * MOMENT, expires_at=NOW + number * HOUR),
            limit=3,
            now=NOW,
        )

    await stores.families.open(
        family(4, created_at=NOW + HOUR, expires_at=NOW + DAY), limit=3, now=NOW + HOUR
    )

    assert await live(stores, 2, 3, 4) == [2, 3, 4]


async def test_a_family_that_was_rotated_counts_until_its_new_expiry(stores: Stores) -> None:
    """Its first expiry is of no account any more."""
    await stores.families.open(family(1, expires_at=NOW + HOUR), limit=1, now=NOW)
    rotation = await stores.families.rotate(
        family_id(1),
        attempt=AttemptId("once"),
        presented=Generation(1),
        owner=LEDGER,
        now=NOW,
        grace=timedelta(),
        expires_at=NOW + DAY,
        retire_access=False,
    )
    assert rotation == Rotated(Generation(2), NOW + DAY)

    await stores.families.open(family(2, created_at=NOW + 2 * HOUR), limit=1, now=NOW + 2 * HOUR)

    assert await live(stores, 1, 2) == [2]


async def test_generations_are_counted_in_full(stores: Stores) -> None:
    """Lua writes numbers with fourteen digits unless it is told otherwise."""
    far = Generation(999_999_999_999_998)
    await stores.families.open(replace(family(), generation=far), limit=1, now=NOW)

    rotation = await stores.families.rotate(
        family_id(),
        attempt=AttemptId("once"),
        presented=far,
        owner=LEDGER,
        now=NOW,
        grace=timedelta(),
        expires_at=NOW + DAY,
        retire_access=True,
    )

    assert rotation == Rotated(Generation(999_999_999_999_999), NOW + DAY)
    found = await stores.families.find(family_id(), now=NOW)
    assert found is not None
    assert found.least_access_generation == 999_999_999_999_999
