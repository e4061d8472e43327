"""Whatever happens in whichever order, no key is dropped that a token or a secret needs."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidGrant
from domain.model.credentials import PresentedCredentials
from domain.model.families import RefreshToken
from domain.model.keys import KeyPurpose
from domain.usecases.rotate_data_keys import SYMMETRIC_PURPOSES, RotateDataKeys
from support.core import POLICY, HandWiredCore, build_core, data_key_rotation, refreshing

GRACE = timedelta(seconds=90)
CLIENTS = ("ledger", "payroll")
# Around the minute for which nothing is dropped, around the grace, and far from both.
PAUSES = tuple(timedelta(seconds=n) for n in (1, 59, 61, 89, 3_600))


@dataclass
class World:
    """Clients that hold refresh tokens, and the keys that these need."""

    core: HandWiredCore
    rotate: RotateDataKeys
    clients: list[PresentedCredentials]
    held: list[tuple[PresentedCredentials, str]] = field(default_factory=list)

    async def issue(self, number: int) -> None:
        client = self.clients[number % len(self.clients)]
        await self._hold(client, await self.core.issue(client))

    async def refresh(self, number: int) -> None:
        if self.held:
            client, token = self.held.pop(number % len(self.held))
            await self._hold(client, await self.core.refresh(client, token))

    async def refresh_and_lose_the_reply(self, number: int, pause: timedelta) -> None:
        """Refresh again within the grace, after whatever may be done to keys meanwhile."""
        if self.held:
            client, token = self.held.pop(number % len(self.held))
            await self.core.refresh(client, token)
            await self.rotate(KeyPurpose.REFRESH_MAC)
            self.core.clock.advance(min(pause, GRACE))
            if await self._key_is_there(token):
                await self._hold(client, await self.core.refresh(client, token))
            else:  # the one thing that dropping a key may cost (ADR 10)
                with pytest.raises(InvalidGrant):
                    await self.core.refresh(client, token)

    async def revoke(self, number: int) -> None:
        if self.held:
            await self.core.revoke(*self.held.pop(number % len(self.held)))

    async def rotate_key(self, number: int) -> None:
        await self.rotate(SYMMETRIC_PURPOSES[number % len(SYMMETRIC_PURPOSES)])

    async def _key_is_there(self, token: str) -> bool:
        parsed = RefreshToken.parse(token)
        keyring = (await self.core.catalogue.read()).keyring
        return parsed is not None and parsed.is_authentic(keyring.refresh_macs)

    async def _hold(self, client: PresentedCredentials, issued: Any) -> None:  # noqa: ANN401  (a token of either kind)
        self.held.append((client, issued.refresh_token))


STEPS = st.one_of(
    st.tuples(
        st.sampled_from([World.issue, World.refresh, World.revoke, World.rotate_key]),
        st.integers(0, 7),
    ),
    st.tuples(
        st.just(World.refresh_and_lose_the_reply), st.integers(0, 7), st.sampled_from(PAUSES)
    ),
    st.sampled_from(PAUSES),
)


async def build_world() -> World:
    lifetimes = replace(POLICY.lifetimes, refresh_grace=GRACE)
    core = await build_core(policy=replace(POLICY, lifetimes=lifetimes))
    return World(
        core, data_key_rotation(core), [await core.register(refreshing(name)) for name in CLIENTS]
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=25))
def test_every_held_token_and_every_secret_goes_on_working(steps: list[Any]) -> None:
    """And once all have moved on or ended, the old keys go with the next rotation."""

    async def live() -> None:
        world = await build_world()
        for step in steps:
            if isinstance(step, timedelta):
                world.core.clock.advance(step)
            else:
                act, *arguments = step
                await act(world, *arguments)

        world.core.clock.advance(timedelta(hours=1))
        for client, token in world.held:
            await world.core.refresh(client, token)
        for client in world.clients:
            await world.core.issue(client)
            await world.core.administer_clients.revoke_all(client.client_id)
        for purpose in SYMMETRIC_PURPOSES:
            world.core.clock.advance(timedelta(hours=1))
            assert len((await world.rotate(purpose)).keys) == 2

    asyncio.run(live())
