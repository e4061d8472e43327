"""What every `Reading` has to hold to, whichever store it is of."""

import asyncio
import gc
from collections.abc import Callable

import pytest

from domain.ports.reading import Reading
from support.domain_samples import (
    HOUR,
    LEDGER,
    NOW,
    claims,
    client,
    digest,
    family,
    limit_key,
    token_id,
)
from support.stores import Stores

Begin = Callable[[Stores], Reading[object]]


@pytest.fixture(
    params=[
        pytest.param(lambda s: s.clients.find(LEDGER), id="client"),
        pytest.param(lambda s: s.families.find(family().family_id, now=NOW), id="family"),
        pytest.param(lambda s: s.revocations.contains(token_id(), now=NOW), id="revocation"),
        pytest.param(lambda s: s.access_tokens.find(digest(), now=NOW), id="access token"),
        pytest.param(
            lambda s: s.rate_limiter.peek([limit_key()], limit_key(), now=NOW), id="ledger"
        ),
        pytest.param(lambda s: s.catalogue.version(), id="catalogue version"),
    ]
)
def begin(request: pytest.FixtureRequest) -> Begin:
    begins: Begin = request.param
    return begins


@pytest.fixture(autouse=True)
async def filled(stores: Stores) -> None:
    await stores.clients.add(client())
    await stores.families.open(family(), limit=1, now=NOW)
    await stores.revocations.add(token_id(), until=NOW + HOUR, now=NOW)
    await stores.access_tokens.add(digest(), claims())
    await stores.rate_limiter.spend(limit_key(), window=HOUR, now=NOW)
    await stores.rate_limiter.vouch(limit_key(), until=NOW + HOUR, now=NOW)


async def test_a_reading_may_be_awaited_twice(stores: Stores, begin: Begin) -> None:
    """A use case that needs an answer in two places awaits it in both."""
    reading = begin(stores)

    assert await reading == await reading


async def test_a_reading_that_nobody_awaits_does_no_harm(stores: Stores, begin: Begin) -> None:
    """A request that is refused early leaves what it foresaw unread, without a warning."""
    unread = begin(stores)

    await asyncio.sleep(0.01)
    del unread
    gc.collect()
    assert await begin(stores) == await begin(stores)


async def test_an_abandoned_waiter_leaves_the_others_their_answers(
    stores: Stores, begin: Begin
) -> None:
    """A caller that goes away takes nobody along who asked in the same turn."""

    async def ask() -> object:
        return await begin(stores)

    expected = await ask()
    leaving, *staying = [asyncio.create_task(ask()) for _ in range(10)]
    await asyncio.sleep(0)
    leaving.cancel()

    assert await asyncio.gather(*staying) == [expected] * 9


async def test_readings_begun_together_answer_each_their_own(stores: Stores) -> None:
    """What was asked for in one turn is not mixed up."""
    names = [f"client-{n}" for n in range(50)]
    for name in names[::2]:
        await stores.clients.add(client(name))

    readings = [(name, stores.clients.find(client(name).client_id)) for name in names]
    revoked = [stores.revocations.contains(token_id(n), now=NOW) for n in range(3)]

    for name, reading in reversed(readings):
        assert await reading == (client(name) if name in names[::2] else None)
    assert [await reading for reading in revoked] == [False, True, False]
