"""Many who rotate at one time, on each store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from domain.errors import Conflict
from domain.model.events import EventKind
from domain.model.key_rotation import signing_keys
from domain.model.keys import KeyState, SigningAlgorithm
from domain.usecases.administer_keys import KeyStanding
from support.core import HandWiredCore, build_core
from support.domain_samples import DAY, NOW
from support.doubles import RandomKeyMaker, SeededEntropy
from support.stores import Stores

NODES = 10


@pytest.fixture
async def nodes(stores: Stores) -> AsyncIterator[list[HandWiredCore]]:
    """Nodes that share a store, each over a connection of its own."""
    async with AsyncExitStack() as opened:
        await build_core(stores=stores)
        yield [
            await build_core(
                stores=await opened.enter_async_context(stores.open_another()),
                scopes=(),
                resources=(),
                key_maker=RandomKeyMaker(SeededEntropy(1 + number)),
            )
            for number in range(NODES)
        ]


async def announced(stores: Stores, *, algorithm: SigningAlgorithm) -> list[str]:
    return [
        key.key_id
        for key in signing_keys((await stores.catalogue.load()).keys)
        if key.algorithm is algorithm and key.schedule.state(NOW) is KeyState.ANNOUNCED
    ]


async def test_of_ten_rotations_at_once_one_is_made(
    stores: Stores, nodes: list[HandWiredCore]
) -> None:
    """The others are told that it was."""
    outcomes = await asyncio.gather(
        *(node.administer_keys.rotate() for node in nodes), return_exceptions=True
    )

    [made] = [outcome for outcome in outcomes if isinstance(outcome, KeyStanding)]
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == NODES - 1
    assert await announced(stores, algorithm=SigningAlgorithm.ES256) == [made.key_id]


async def test_of_ten_hosts_that_find_keys_due_each_key_is_rotated_by_one(
    stores: Stores, nodes: list[HandWiredCore]
) -> None:
    """Nobody is refused: it is done, whoever did it."""
    for node in nodes:
        node.clock.advance(90 * DAY)

    outcomes = await asyncio.gather(*(node.rotate_due_keys(90 * DAY) for node in nodes))

    made = {key_id for outcome in outcomes for key_id in outcome}
    assert sum(map(len, outcomes)) == len(made) == 2
    waiting = [await announced(stores, algorithm=algorithm) for algorithm in SigningAlgorithm]
    assert sorted(len(one) for one in waiting) == [0, 1, 1]
    recorded = [kind for node in nodes for kind in node.audited()]
    assert recorded == [EventKind.KEY_ROTATED] * 2
