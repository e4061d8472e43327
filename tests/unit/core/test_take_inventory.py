"""What is told of keys and secrets that will have to be renewed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.model.credentials import RegisteredSecret, SecretHash, SecretId
from domain.model.identifiers import ClientId
from domain.model.keys import KeyState, SigningAlgorithm
from domain.usecases.take_inventory import SecretLife, TakeInventory, life_of
from support.core import ANNOUNCEMENT, HandWiredCore, build_core
from support.domain_samples import DAY, NOW, SECOND, client

ES256, EDDSA = SigningAlgorithm.ES256, SigningAlgorithm.EDDSA


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


def inventory(core: HandWiredCore) -> TakeInventory:
    return TakeInventory(core.stores.clients, catalogue=core.catalogue, clock=core.clock)


def secret(ends_in: timedelta | None) -> RegisteredSecret:
    return RegisteredSecret(
        secret_id=SecretId("0123abcd"),
        hash=SecretHash("v1$pepper$0f0f"),
        created_at=NOW,
        expires_at=NOW + ends_in if ends_in is not None else None,
    )


async def test_a_key_without_a_successor_signs_without_end(core: HandWiredCore) -> None:
    found = (await inventory(core).keys())[ES256]

    assert found.keys[KeyState.ACTIVE] == 1
    assert found.signs_since is not None
    assert found.signs_since <= core.clock.now()
    assert found.signs_until is None


async def test_a_key_that_is_announced_signs_on_when_the_other_retires(
    core: HandWiredCore,
) -> None:
    """Until then the one that signs is the older one."""
    before = (await inventory(core).keys())[ES256]
    await core.administer_keys.rotate(ES256)

    announced = (await inventory(core).keys())[ES256]
    core.clock.advance(ANNOUNCEMENT)
    followed = (await inventory(core).keys())[ES256]

    assert announced.keys == {KeyState.ANNOUNCED: 1, KeyState.ACTIVE: 1, KeyState.RETIRED: 0}
    assert (announced.signs_since, announced.signs_until) == (before.signs_since, None)
    assert followed.signs_since == core.clock.now()
    assert followed.keys[KeyState.ACTIVE] >= 1


async def test_an_algorithm_without_a_key_is_told_as_one(core: HandWiredCore) -> None:
    found = (await inventory(core).keys())[EDDSA]

    assert (sum(found.keys.values()), found.signs_since, found.signs_until) == (0, None, None)


@pytest.mark.parametrize(
    ("ends_in", "life"),
    [
        (timedelta(), SecretLife.EXPIRED),
        (SECOND, SecretLife.WEEK),
        (7 * DAY, SecretLife.WEEK),
        (7 * DAY + SECOND, SecretLife.MONTH),
        (30 * DAY, SecretLife.MONTH),
        (30 * DAY + SECOND, SecretLife.LONGER),
        (None, SecretLife.LONGER),
    ],
)
def test_a_secret_is_in_one_of_four_classes(ends_in: timedelta | None, life: SecretLife) -> None:
    assert life_of(secret(ends_in), NOW) is life


async def test_the_secrets_of_all_clients_are_counted_by_the_page(core: HandWiredCore) -> None:
    """Whoever counts can pause between two pages; the last count is whole."""
    for number in range(501):
        of_one = replace(
            client(), client_id=ClientId(f"c-{number:04}"), secrets=(secret(DAY), secret(None))
        )
        await core.stores.clients.add(of_one)

    counts = [so_far async for so_far in inventory(core).secrets()]

    assert len(counts) == 3
    assert counts[0][SecretLife.WEEK] == 500
    assert counts[-1][SecretLife.WEEK] == counts[-1][SecretLife.LONGER] == 501
