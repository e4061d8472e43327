"""Rotating what derives refresh tokens and what salts secrets invalidates nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import InvalidClient, InvalidGrant
from domain.model.credentials import PresentedCredentials
from domain.model.events import EventKind
from domain.model.families import RefreshToken
from domain.model.keys import KeyId, KeyPurpose
from domain.usecases.rotate_data_keys import DataKeyStanding, DataKeyState
from support.core import HandWiredCore, build_core, data_key_rotation, draft, refreshing
from support.domain_samples import DAY, HOUR, LEDGER, NOW, PAYROLL, SECOND

MAC, PEPPER = KeyPurpose.REFRESH_MAC, KeyPurpose.SECRET_PEPPER
MINUTE = timedelta(minutes=1)
ACTIVE, KEPT, UNUSED = DataKeyState.ACTIVE, DataKeyState.KEPT, DataKeyState.UNUSED


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


async def listed(core: HandWiredCore, purpose: KeyPurpose) -> Sequence[DataKeyStanding]:
    return [one for one in await data_key_rotation(core).list() if one.purpose is purpose]


async def states(core: HandWiredCore, purpose: KeyPurpose) -> list[tuple[DataKeyState, int | None]]:
    return [(one.state, one.used_by) for one in await listed(core, purpose)]


async def rotate(core: HandWiredCore, purpose: KeyPurpose) -> Sequence[KeyId]:
    """Rotate, and return the ids of all keys of the purpose, the newest first."""
    return [one.key_id for one in (await data_key_rotation(core)(purpose)).keys]


async def refresh_token(core: HandWiredCore, credentials: PresentedCredentials) -> str:
    token = (await core.issue(credentials)).refresh_token
    assert token is not None
    return token


def key_named_by(token: str | None) -> KeyId:
    parsed = RefreshToken.parse(token or "")
    assert parsed is not None
    return parsed.key_id


class TestRotation:
    @pytest.mark.parametrize("purpose", [MAC, PEPPER])
    async def test_the_new_key_is_used_from_then_on(
        self, core: HandWiredCore, purpose: KeyPurpose
    ) -> None:
        """The old one is kept, and the other purpose is not touched."""
        before = (await core.catalogue.read()).keyring

        newest, old = await rotate(core, purpose)

        after = (await core.catalogue.read()).keyring
        was, now = (
            (before.refresh_mac, after.refresh_mac)
            if purpose is MAC
            else (before.pepper, after.pepper)
        )
        assert (was.key_id, now.key_id) == (old, newest)
        assert was.material != now.material
        assert len(after.refresh_macs) + len(after.peppers) == 3
        assert after.signing == before.signing

    async def test_a_clock_that_is_behind_does_not_hide_the_new_key(
        self, core: HandWiredCore
    ) -> None:
        core.clock.advance(-HOUR)

        newest, _ = await rotate(core, MAC)

        assert (await core.catalogue.read()).keyring.refresh_mac.key_id == newest

    async def test_it_is_recorded_with_what_went(self, core: HandWiredCore) -> None:
        core.clock.advance(HOUR)
        await rotate(core, PEPPER)
        core.clock.advance(HOUR)
        core.audit.events.clear()
        _, old = await listed(core, PEPPER)

        newest, *_ = await rotate(core, PEPPER)

        [event] = core.audit.events
        assert event.kind is EventKind.KEY_ROTATED
        assert event.subject == newest
        assert event.change == f"secret-pepper key made, {old.key_id} dropped"

    async def test_two_at_once_leave_one_newest(self, core: HandWiredCore) -> None:
        """Both keys are there, one after the other."""
        await asyncio.gather(rotate(core, MAC), rotate(core, MAC))

        created = [one.created_at for one in await listed(core, MAC)]
        assert len(set(created)) == len(created) == 3


class TestRefreshTokens:
    async def test_an_old_token_gets_a_successor_of_the_new_key(self, core: HandWiredCore) -> None:
        credentials = await core.register(refreshing())
        token = await refresh_token(core, credentials)
        newest, old = await rotate(core, MAC)

        refreshed = await core.refresh(credentials, token)

        assert key_named_by(token) == old
        assert key_named_by(refreshed.refresh_token) == newest

    async def test_what_may_still_name_an_old_key_is_counted(self, core: HandWiredCore) -> None:
        """Live tokens, until each has been refreshed."""
        ledger = await core.register(refreshing(LEDGER))
        payroll = await core.register(refreshing(PAYROLL))
        tokens = [(one, await refresh_token(core, one)) for one in (ledger, ledger, payroll)]
        core.clock.advance(HOUR)
        await rotate(core, MAC)
        core.clock.advance(HOUR)
        assert await states(core, MAC) == [(ACTIVE, None), (KEPT, 3)]

        left = []
        for credentials, token in tokens:
            await core.refresh(credentials, token)
            left.append(await states(core, MAC))

        assert left == [
            [(ACTIVE, None), (KEPT, 2)],
            [(ACTIVE, None), (KEPT, 1)],
            [(ACTIVE, None), (UNUSED, 0)],
        ]

    async def test_the_next_rotation_drops_an_unused_key(self, core: HandWiredCore) -> None:
        """A token of it, if there were one, would be refused from then on."""
        credentials = await core.register(refreshing())
        token = await refresh_token(core, credentials)
        core.clock.advance(HOUR)
        _, old = await rotate(core, MAC)
        core.clock.advance(HOUR)
        await core.revoke(credentials, token)

        rotation = await data_key_rotation(core)(MAC)

        assert rotation.dropped == [old]
        assert len(rotation.keys) == 2
        with pytest.raises(InvalidGrant):
            await core.refresh(credentials, token)

    async def test_what_was_revoked_with_its_client_keeps_no_key(self, core: HandWiredCore) -> None:
        """So a key that others may have can go: end everything, and rotate."""
        credentials = await core.register(refreshing())
        await refresh_token(core, credentials)
        core.clock.advance(HOUR)
        _, old = await rotate(core, MAC)
        core.clock.advance(HOUR)
        await core.administer_clients.revoke_all(LEDGER)

        assert (await data_key_rotation(core)(MAC)).dropped == [old]

    async def test_a_key_in_use_by_a_family_survives_any_number_of_rotations(
        self, core: HandWiredCore
    ) -> None:
        """Its token is as good as it was."""
        credentials = await core.register(refreshing())
        token = await refresh_token(core, credentials)
        for _ in range(3):
            core.clock.advance(2 * MINUTE)
            await rotate(core, MAC)

        assert (await core.refresh(credentials, token)).refresh_token is not None

    async def test_nothing_is_dropped_within_a_minute(self, core: HandWiredCore) -> None:
        """A request in flight may be using it yet."""
        await rotate(core, MAC)
        core.clock.advance(MINUTE)

        assert await states(core, MAC) == [(ACTIVE, None), (KEPT, 0)]
        assert len(await rotate(core, MAC)) == 3

    async def test_a_token_derived_within_a_minute_may_be_of_the_old_key(
        self, core: HandWiredCore
    ) -> None:
        """Nodes do not learn of the new one at the same instant, nor agree on the time."""
        credentials = await core.register(refreshing())
        await rotate(core, MAC)
        core.clock.advance(MINUTE - SECOND)
        await refresh_token(core, credentials)
        core.clock.advance(HOUR)

        assert await states(core, MAC) == [(ACTIVE, None), (KEPT, 1)]


class TestPepper:
    async def test_an_old_secret_goes_on_working_and_is_hashed_anew(
        self, core: HandWiredCore
    ) -> None:
        """On its next use; nothing else of the client changes."""
        credentials = await core.register(draft())
        newest, old = await rotate(core, PEPPER)
        before = await core.administer_clients.show(LEDGER)

        await core.issue(credentials)

        after = await core.administer_clients.show(LEDGER)
        assert core.hasher.pepper_of(before.secrets[0].hash) == old
        assert core.hasher.pepper_of(after.secrets[0].hash) == newest
        assert after == replace(before, secrets=after.secrets, version=before.version + 1)
        await core.issue(credentials)
        assert await core.administer_clients.show(LEDGER) == after

    async def test_a_wrong_secret_is_hashed_by_nobody(self, core: HandWiredCore) -> None:
        right = await core.register(draft(LEDGER))
        foreign = await core.register(draft(PAYROLL))
        await rotate(core, PEPPER)
        before = await core.administer_clients.show(LEDGER)

        with pytest.raises(InvalidClient):
            await core.issue(replace(right, secret=foreign.secret))

        assert await core.administer_clients.show(LEDGER) == before

    async def test_secrets_that_name_an_old_pepper_are_counted(self, core: HandWiredCore) -> None:
        """Each until its next use; one that has ended is of no use any more."""
        ledger = await core.register(draft(LEDGER))
        await core.register(draft(PAYROLL))
        await core.administer_secrets.add(PAYROLL, lifetime=DAY)
        await core.register(draft("imported"), imported_secret="correct horse")
        await rotate(core, PEPPER)
        core.clock.advance(HOUR)
        counted = [await states(core, PEPPER)]

        await core.issue(ledger)
        counted.append(await states(core, PEPPER))
        core.clock.set(NOW + 2 * DAY)
        counted.append(await states(core, PEPPER))
        await core.administer_clients.delete(PAYROLL)
        counted.append(await states(core, PEPPER))

        assert [kept for _, kept in counted] == [(KEPT, 3), (KEPT, 2), (KEPT, 1), (UNUSED, 0)]

    async def test_the_next_rotation_drops_an_unused_pepper(self, core: HandWiredCore) -> None:
        """Secrets hashed anew by then work as ever."""
        credentials = await core.register(draft())
        first, second = await rotate(core, PEPPER)
        core.clock.advance(HOUR)
        await core.issue(credentials)

        newest = await rotate(core, PEPPER)

        assert first in newest
        assert second not in newest
        await core.issue(credentials)


async def test_nothing_is_counted_as_long_as_there_is_nothing_old(core: HandWiredCore) -> None:
    """Listing keys costs what it cost."""

    class Uncounted:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever a store has)
            raise AssertionError(name)

    core = replace(core, stores=replace(core.stores, clients=Uncounted(), families=Uncounted()))

    standings = await data_key_rotation(core).list()

    assert [(one.purpose, one.state) for one in standings] == [(MAC, ACTIVE), (PEPPER, ACTIVE)]
