"""A rotation with an overlap, as `secrets list` shows it day by day, on every store."""

from collections.abc import Sequence

import pytest

from domain.errors import ClientNotFound
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.usecases.administer_secrets import SecretStanding
from support.core import HandWiredCore, build_core, draft
from support.domain_samples import DAY, HOUR, LEDGER, NOW
from support.stores import Stores


@pytest.fixture
async def core(stores: Stores) -> HandWiredCore:
    return await build_core(stores=stores)


async def use(core: HandWiredCore, secret: ClientSecret) -> None:
    await core.issue(PresentedCredentials(LEDGER, AuthMethod.CLIENT_SECRET_POST, secret))
    await core.stores.settle_usage()


async def standings(core: HandWiredCore) -> Sequence[SecretStanding]:
    return await core.administer_secrets.standings(LEDGER)


def verdicts(found: Sequence[SecretStanding]) -> list[tuple[bool, str]]:
    return [(one.deletion.is_safe, one.deletion.reason) for one in found]


async def test_the_old_secret_is_safe_to_delete_a_day_after_its_last_use(
    core: HandWiredCore,
) -> None:
    """Once the new one is in use; and then deleting it is refused by nobody."""
    old = (await core.register(draft())).secret
    assert old is not None
    await use(core, old)
    new = (await core.administer_secrets.add(LEDGER)).secret
    core.clock.advance(HOUR)
    await use(core, old)
    first, second = await standings(core)
    assert first.last_use is not None
    assert (first.last_use.first_at, first.last_use.at) == (NOW, NOW + HOUR)
    assert first.last_use.source == "192.0.2.1"
    assert second.last_use is None
    assert verdicts([first, second]) == [
        (False, "it was used less than a minute ago"),
        (False, "it is the newest, and has not been used yet"),
    ]

    core.clock.advance(DAY)
    assert verdicts(await standings(core)) == [
        (False, "no newer one has been used since it was, 1 day ago"),
        (False, "it is the newest, and has not been used yet"),
    ]

    await use(core, new)
    assert verdicts(await standings(core)) == [
        (True, f"{new.secret_id}, which is newer, was used since it was, 1 day ago"),
        (False, "it was used less than a minute ago"),
    ]

    assert old.secret_id is not None
    await core.administer_secrets.delete(LEDGER, old.secret_id)
    assert verdicts(await standings(core)) == [(False, "it is the only one that works")]


async def test_a_client_that_is_not_there_has_no_secrets(core: HandWiredCore) -> None:
    """It is refused, and not an empty list."""
    with pytest.raises(ClientNotFound):
        await standings(core)
