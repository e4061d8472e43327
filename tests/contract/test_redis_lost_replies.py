"""A step whose reply is lost is taken once, and ends as it would have ended (D3)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from domain.errors import ClientExists, Conflict, Unavailable
from domain.model.catalogue import EMPTY, StoredCatalogue
from domain.model.families import AttemptId, Generation, Replayed, Rotated, Rotation
from domain.model.identifiers import ClientId
from domain.model.limits import Spent
from domain.model.usage import Use, UseKind
from support.catalogue_steps import drop, put
from support.cutting_proxy import CuttingProxy
from support.domain_samples import (
    DAY,
    HOUR,
    INVOICES,
    LEDGER,
    NOW,
    assertion_id,
    claims,
    client,
    digest,
    family,
    limit_key,
    resource,
    token_id,
)
from support.redis_server import RedisServer
from support.stores import Stores, redis_stores

EMPTY_CATALOGUE = StoredCatalogue(version=EMPTY)

Step = Callable[[Stores], Awaitable[object]]


@pytest.fixture
async def stores(proxy: CuttingProxy) -> AsyncIterator[Stores]:
    async with redis_stores(proxy.url) as opened:
        yield opened


async def rotate(stores: Stores, presented: int, *, attempt: str) -> Rotation:
    return await stores.families.rotate(
        family().family_id,
        attempt=AttemptId(attempt),
        presented=Generation(presented),
        owner=LEDGER,
        now=NOW,
        grace=timedelta(),
        expires_at=NOW + 2 * DAY,
        retire_access=False,
    )


async def test_a_rotation_whose_reply_is_lost_is_one_rotation(
    proxy: CuttingProxy, stores: Stores
) -> None:
    """Or an honest client would be taken for a thief."""
    await stores.families.open(family(), limit=1, now=NOW)
    await rotate(stores, 1, attempt="first")
    proxy.lose_reply_to("second", times=2)

    outcome = await rotate(stores, 2, attempt="second")

    assert outcome == Rotated(Generation(3), NOW + 2 * DAY)
    assert sum(b"second" in command for command in proxy.commands) == 3
    assert await rotate(stores, 2, attempt="third") == Replayed()


async def test_what_cannot_be_known_to_have_happened_is_unavailable(
    proxy: CuttingProxy, stores: Stores
) -> None:
    """A step is repeated twice, and not for ever."""
    await stores.families.open(family(), limit=1, now=NOW)
    proxy.lose_reply_to("unlucky", times=9)

    with pytest.raises(Unavailable):
        await rotate(stores, 1, attempt="unlucky")

    assert sum(b"unlucky" in command for command in proxy.commands) == 3


async def test_the_client_library_repeats_nothing_by_itself(
    proxy: CuttingProxy, stores: Stores
) -> None:
    """It cannot know what is safe to repeat."""
    proxy.lose_reply_to("MGET", times=9)

    with pytest.raises(Unavailable):
        await stores.clients.find(LEDGER)

    assert len(proxy.sent("MGET")) == 3


async def opened(stores: Stores) -> None:
    await stores.families.open(family(), limit=1, now=NOW)


async def added(stores: Stores) -> None:
    await stores.clients.add(client(owner="ada"))


async def catalogued(stores: Stores) -> None:
    await put(stores.catalogue, resources=[resource()])


async def nothing(_: Stores) -> None:
    pass


async def kept(stores: Stores) -> None:
    await stores.access_tokens.add(digest(), claims())


@pytest.mark.parametrize(
    ("before", "step", "answer"),
    [
        pytest.param(nothing, opened, None, id="open a family"),
        pytest.param(
            opened, lambda s: s.families.end(family().family_id, now=NOW), True, id="end a family"
        ),
        pytest.param(
            nothing,
            lambda s: s.revocations.add(token_id(), until=NOW + HOUR, now=NOW),
            None,
            id="revoke",
        ),
        pytest.param(nothing, added, None, id="add a client"),
        pytest.param(
            added,
            lambda s: s.clients.replace(
                replace(client(owner="ada"), name="new", version=2), seen=1
            ),
            None,
            id="replace a client",
        ),
        pytest.param(added, lambda s: s.clients.remove(LEDGER), True, id="remove a client"),
        pytest.param(nothing, kept, None, id="keep an access token"),
        pytest.param(
            kept, lambda s: s.access_tokens.remove(digest()), True, id="forget an access token"
        ),
        pytest.param(
            nothing,
            lambda s: s.assertion_replays.spend(assertion_id(), until=NOW + HOUR, now=NOW),
            True,
            id="spend an assertion",
        ),
        pytest.param(
            nothing,
            lambda s: s.rate_limiter.spend(limit_key(), window=HOUR, now=NOW),
            None,
            id="count a failure",
        ),
        pytest.param(
            nothing,
            lambda s: s.rate_limiter.vouch(limit_key(), until=NOW + HOUR, now=NOW),
            None,
            id="vouch",
        ),
        pytest.param(nothing, catalogued, None, id="put a resource into the catalogue"),
        pytest.param(
            catalogued, lambda s: drop(s.catalogue, INVOICES), None, id="drop a resource from it"
        ),
    ],
)
async def test_a_step_whose_replies_are_lost_ends_as_if_they_were_not(
    proxy: CuttingProxy, stores: Stores, before: Step, step: Step, answer: object
) -> None:
    """Each of its commands is sent twice; nobody hears that it is there already, or gone."""
    await before(stores)
    sent_before = len(proxy.commands)
    proxy.lose_every_other_reply()

    assert await step(stores) == answer
    assert len(proxy.commands) >= sent_before + 2


async def test_a_catalogue_change_whose_reply_is_lost_is_made_once(
    proxy: CuttingProxy, stores: Stores
) -> None:
    """Its repetition finds it made, and no conflict with itself."""
    await catalogued(stores)
    await drop(stores.catalogue, INVOICES)
    before = await stores.catalogue.version()
    proxy.lose_reply_to(INVOICES)

    await catalogued(stores)

    after = await stores.catalogue.load()
    assert after.version > before
    assert [one.resource_id for one in after.resources] == [INVOICES]
    made, repeated = [sent for sent in proxy.sent("EVALSHA", "EVAL") if INVOICES.encode() in sent][
        -2:
    ]
    assert made == repeated


async def test_a_failure_whose_replies_are_lost_counts_once(
    proxy: CuttingProxy, stores: Stores
) -> None:
    """Nobody is locked out by a bad line to Redis."""
    await stores.rate_limiter.spend(limit_key(), window=HOUR, now=NOW)
    proxy.lose_reply_to("EVALSHA", times=2)

    await stores.rate_limiter.spend(limit_key(), window=HOUR, now=NOW)

    balance = await stores.rate_limiter.peek([limit_key()], limit_key(), now=NOW)
    assert balance.spent == (Spent(2, NOW + HOUR),)


async def test_refusals_are_told_as_before(proxy: CuttingProxy, stores: Stores) -> None:
    """A lost reply changes no refusal into a success."""
    await added(stores)
    await catalogued(stores)
    proxy.lose_reply_to("EVALSHA", times=2)
    with pytest.raises(ClientExists):
        await added(stores)
    proxy.lose_reply_to("EVALSHA", times=2)
    with pytest.raises(Conflict):
        await stores.clients.replace(replace(client(owner="ada"), version=2), seen=7)
    proxy.lose_reply_to("EVALSHA", times=2)
    with pytest.raises(Conflict):
        await stores.catalogue.replace(EMPTY_CATALOGUE, seen=EMPTY_CATALOGUE)
    proxy.lose_reply_to("EVALSHA", times=2)
    assert not await stores.clients.remove(ClientId("nobody"))
    assert await stores.assertion_replays.spend(assertion_id(), until=NOW + HOUR, now=NOW)
    proxy.lose_reply_to("EVALSHA", times=2)
    assert not await stores.assertion_replays.spend(assertion_id(), until=NOW + HOUR, now=NOW)


async def test_a_command_that_arrives_late_undoes_nothing(
    proxy: CuttingProxy, stores: Stores, redis_server: RedisServer
) -> None:
    """What was repeated may reach Redis once more, when the world has moved on."""
    await stores.families.open(family(), limit=1, now=NOW)
    await stores.access_tokens.add(digest(), claims())
    await stores.clients.add(client())
    await stores.rate_limiter.spend(limit_key(), window=HOUR, now=NOW)
    late = list(proxy.commands)
    await rotate(stores, 1, attempt="first")
    await stores.access_tokens.remove(digest())
    await stores.clients.remove(LEDGER)

    async with Redis.from_url(redis_server.url) as redis:
        for command in late:
            if command[0] in {b"SET", b"ZADD", b"EVAL", b"EVALSHA"}:
                with suppress(NoScriptError):
                    await redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py gives it none

    found = await stores.families.find(family().family_id, now=NOW)
    assert found is not None
    assert found.generation == 2
    assert await stores.access_tokens.find(digest(), now=NOW) is None
    assert await stores.clients.find(LEDGER) is None
    assert await stores.clients.page(after=None, limit=10) == []
    balance = await stores.rate_limiter.peek([limit_key()], limit_key(), now=NOW)
    assert balance.spent == (Spent(1, NOW + HOUR),)


async def test_a_use_is_noted_once_however_often_it_arrives(
    proxy: CuttingProxy, stores: Stores, redis_server: RedisServer
) -> None:
    """Repeated at once it says the same thing, and late it brings back nothing."""
    await stores.clients.add(client())
    proxy.lose_reply_to("EVALSHA", times=2)
    stores.usage.note([Use(client_id=LEDGER, kind=UseKind.CLIENT, at=NOW)])
    await stores.settle_usage()
    assert [use.at for use in await stores.usage.of(LEDGER, now=NOW)] == [NOW]
    late = [command for command in proxy.commands if command[0] in {b"EVAL", b"EVALSHA"}][-1]
    await stores.clients.remove(LEDGER)

    async with Redis.from_url(redis_server.url) as redis:
        await redis.execute_command(*late)  # type: ignore[no-untyped-call]  # redis-py gives it none

    assert await stores.usage.of(LEDGER, now=NOW) == []
