"""Rotating the master key: everything is sealed anew, and nothing changes by it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from domain.errors import Conflict, Unavailable
from domain.model.clients import Client
from domain.model.credentials import AuthMethod
from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from domain.ports.clients import ClientStore
from domain.ports.envelope import MasterKeyMismatch
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.change_client import ChangeClient
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.rewrap import Rewrap, Rewrapped
from support.core import HandWiredCore, build_core, draft
from support.domain_samples import LEDGER
from support.doubles import PlainEnvelope
from support.stores import Stores

SIGNING = frozenset({AuthMethod.CLIENT_SECRET_JWT})
OLD, NEW = "old", "new"


@dataclass
class Meanwhile:
    """A client store where something happens just before each of its next replacements."""

    clients: ClientStore
    happens: list[Callable[[], Awaitable[None]]]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the store has)
        return getattr(self.clients, name)

    async def replace(self, client: Client, /, *, seen: int) -> None:
        if self.happens:
            await self.happens.pop(0)()
        await self.clients.replace(client, seen=seen)


@pytest.fixture
async def core() -> HandWiredCore:
    """A core that has only ever had the old master key."""
    return await build_core(envelope=PlainEnvelope(OLD))


def rewrap_by(core: HandWiredCore, *master_keys: str, stores: Stores | None = None) -> Rewrap:
    stores = stores or core.stores
    return Rewrap(
        stores.catalogue,
        stores.clients,
        change_catalogue=ChangeCatalogue(stores.catalogue, audit=core.audit),
        change_client=ChangeClient(stores.clients, clock=core.clock, audit=core.audit),
        envelope=PlainEnvelope(*master_keys),
        clock=core.clock,
        audit=core.audit,
    )


async def run(rewrap: Rewrap) -> Rewrapped:
    return await rewrap(progress=lambda _done, _expected: None)


async def register_signing(core: HandWiredCore, count: int) -> list[ClientId]:
    """Register clients whose secrets are kept, sealed."""
    ids = [ClientId(f"signing-{n:03}") for n in range(count)]
    for client_id in ids:
        await core.administer_clients.create(draft(client_id, auth_methods=SIGNING))
    core.audit.events.clear()
    return ids


async def seal_as(core: HandWiredCore, client_id: ClientId, master_key: str) -> None:
    """Have a client's only secret as if another master key had sealed it."""
    [kept] = (await core.administer_clients.show(client_id)).secrets
    assert kept.sealed is not None
    _, bar, rest = kept.sealed.partition(b"|")
    sealed = master_key.encode() + bar + rest
    await core.change_client(client_id, secrets=(replace(kept, sealed=sealed),))


async def sealed_by(core: HandWiredCore, ids: Sequence[ClientId]) -> list[str]:
    envelope = PlainEnvelope()
    clients = [await core.administer_clients.show(client_id) for client_id in ids]
    return [
        envelope.sealed_by(kept.sealed)
        for client in clients
        for kept in client.secrets
        if kept.sealed is not None
    ]


class TestEverythingAnew:
    async def test_the_newest_opens_all_alone(self, core: HandWiredCore) -> None:
        """Keys and kept secrets are what they were, to the last byte."""
        [signing] = await register_signing(core, 1)
        keyring = (await core.catalogue.read()).keyring

        done = await run(rewrap_by(core, NEW, OLD))

        alone = CurrentCatalogue(core.stores.catalogue, PlainEnvelope(NEW))
        assert (await alone.read()).keyring == keyring
        assert await sealed_by(core, [signing]) == [NEW]
        assert (done.data_keys, done.kept_secrets) == (4, 1)
        assert [(one.master_key_id, one.seals_nothing) for one in done.standings] == [
            (NEW, False),
            (OLD, True),
        ]

    async def test_a_client_keeps_everything_but_the_envelope(self, core: HandWiredCore) -> None:
        """Its version moves, so that nobody writes back what was read before."""
        [signing] = await register_signing(core, 1)
        before = await core.administer_clients.show(signing)

        await run(rewrap_by(core, NEW, OLD))

        after = await core.administer_clients.show(signing)
        [was], [now] = before.secrets, after.secrets
        assert now == replace(was, sealed=now.sealed)
        assert after == replace(before, secrets=after.secrets, version=before.version + 1)

    async def test_clients_without_kept_secrets_are_not_touched(self, core: HandWiredCore) -> None:
        await core.register(draft(LEDGER))
        before = await core.administer_clients.show(LEDGER)

        await run(rewrap_by(core, NEW, OLD))

        assert await core.administer_clients.show(LEDGER) == before

    async def test_it_is_one_event_with_counts(self, core: HandWiredCore) -> None:
        """No client was changed as far as anybody is told."""
        await register_signing(core, 3)

        await run(rewrap_by(core, NEW, OLD))

        [event] = core.audit.events
        assert event.kind is EventKind.MASTER_KEY_ROTATED
        assert event.subject == NEW
        assert event.change == "4 data keys, 3 kept secrets"

    async def test_progress_is_told(self, core: HandWiredCore) -> None:
        await register_signing(core, 3)
        told: list[tuple[int, int]] = []

        await rewrap_by(core, NEW, OLD)(progress=lambda done, of: told.append((done, of)))

        assert told == [(1, 3), (2, 3), (3, 3)]

    async def test_of_three_master_keys_both_older_ones_are_freed(
        self, core: HandWiredCore
    ) -> None:
        """Whichever sealed what."""
        first, _ = await register_signing(core, 2)
        await run(rewrap_by(core, "middle", OLD))
        await seal_as(core, first, OLD)

        done = await run(rewrap_by(core, NEW, "middle", OLD))

        assert (done.data_keys, done.kept_secrets) == (4, 2)
        assert [one.seals_nothing for one in done.standings] == [False, True, True]


class TestAgain:
    async def test_a_second_time_there_is_nothing_to_do(self, core: HandWiredCore) -> None:
        """Nothing is written and nothing recorded."""
        [signing] = await register_signing(core, 1)
        await run(rewrap_by(core, NEW, OLD))
        core.audit.events.clear()
        before = await core.stores.catalogue.load(), await core.administer_clients.show(signing)

        done = await run(rewrap_by(core, NEW, OLD))

        assert (done.data_keys, done.kept_secrets) == (0, 0)
        assert before == (
            await core.stores.catalogue.load(),
            await core.administer_clients.show(signing),
        )
        assert core.audit.events == []

    async def test_with_one_master_key_alone_that_is_refused(self, core: HandWiredCore) -> None:
        """Whoever meant to rotate has forgotten to name the new one."""
        with pytest.raises(Conflict, match="nothing to rewrap") as refusal:
            await run(rewrap_by(core, OLD))

        assert "master key old is the only one named" in refusal.value.hint

    async def test_who_is_stopped_halfway_goes_on(self, core: HandWiredCore) -> None:
        """And until then no process starts without the old key: the data keys come last."""
        ids = await register_signing(core, 7)

        def stop(done: int, _expected: int) -> None:
            if done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await rewrap_by(core, NEW, OLD)(progress=stop)

        assert await sealed_by(core, ids) == [NEW] * 3 + [OLD] * 4
        with pytest.raises(MasterKeyMismatch):
            await CurrentCatalogue(core.stores.catalogue, PlainEnvelope(NEW)).read()
        done = await run(rewrap_by(core, NEW, OLD))
        assert (done.data_keys, done.kept_secrets) == (4, 4)
        assert await sealed_by(core, ids) == [NEW] * 7


class TestMissingMasterKey:
    async def test_kept_secrets_of_an_unknown_one_are_refused_before_anything(
        self, core: HandWiredCore
    ) -> None:
        """It is named, and so are the clients."""
        ids = await register_signing(core, 5)
        for client_id in ids[1:]:
            await seal_as(core, client_id, "lost")
        stored = await core.stores.catalogue.load()

        with pytest.raises(Conflict) as refusal:
            await run(rewrap_by(core, NEW, OLD))

        assert "master key lost seals secrets kept for" in refusal.value.hint
        assert "signing-001, signing-002, signing-003, ..." in refusal.value.hint
        assert await core.stores.catalogue.load() == stored
        assert await sealed_by(core, ids) == [OLD] + ["lost"] * 4


class TestOthersAtWork:
    async def test_a_change_made_meanwhile_is_not_lost(self, core: HandWiredCore) -> None:
        """The client is read anew, and then sealed."""
        [signing] = await register_signing(core, 1)
        seen = await core.administer_clients.show(signing)

        async def rename() -> None:
            await core.change_client(signing, name="renamed")

        clients = Meanwhile(core.stores.clients, [rename])
        await run(rewrap_by(core, NEW, OLD, stores=replace(core.stores, clients=clients)))

        after = await core.administer_clients.show(signing)
        assert (after.name, after.version) == ("renamed", seen.version + 2)
        assert await sealed_by(core, [signing]) == [NEW]

    async def test_a_client_deleted_meanwhile_stays_deleted(self, core: HandWiredCore) -> None:
        first, second = await register_signing(core, 2)

        async def delete() -> None:
            await core.administer_clients.delete(second)

        clients = Meanwhile(core.stores.clients, [delete])
        await run(rewrap_by(core, NEW, OLD, stores=replace(core.stores, clients=clients)))

        assert await core.stores.clients.find(second) is None
        assert await sealed_by(core, [first]) == [NEW]

    async def test_data_keys_that_another_sealed_anew_are_not_counted(
        self, core: HandWiredCore
    ) -> None:
        await register_signing(core, 1)

        async def rewrap() -> None:
            await run(rewrap_by(core, NEW, OLD))

        clients = Meanwhile(core.stores.clients, [rewrap])
        slower = await run(rewrap_by(core, NEW, OLD, stores=replace(core.stores, clients=clients)))

        assert slower.data_keys == 0

    async def test_two_at_once_do_the_same(self, core: HandWiredCore) -> None:
        """Neither fails, and everything is sealed by the newest once."""
        ids = await register_signing(core, 5)

        await asyncio.gather(*(run(rewrap_by(core, NEW, OLD)) for _ in range(2)))

        assert await sealed_by(core, ids) == [NEW] * 5
        alone = CurrentCatalogue(core.stores.catalogue, PlainEnvelope(NEW))
        assert (await alone.read()).keyring == (
            await CurrentCatalogue(core.stores.catalogue, PlainEnvelope(NEW, OLD)).read()
        ).keyring

    async def test_what_is_sealed_by_the_old_one_meanwhile_is_told(
        self, core: HandWiredCore
    ) -> None:
        """A node that still seals by it is at work, so its key is needed."""
        first, second = await register_signing(core, 2)

        async def seal_again() -> None:
            await seal_as(core, first, OLD)

        clients = Meanwhile(core.stores.clients, [lambda: asyncio.sleep(0), seal_again])
        done = await run(rewrap_by(core, NEW, OLD, stores=replace(core.stores, clients=clients)))

        _, old = done.standings
        assert (old.data_keys, old.kept_secrets_of) == (0, [first])
        assert await sealed_by(core, [second]) == [NEW]


async def test_a_node_without_the_master_key_cannot_answer(core: HandWiredCore) -> None:
    """It answers that it cannot, and never guesses (D8)."""
    [signing] = await register_signing(core, 1)
    await run(rewrap_by(core, NEW, OLD))

    with pytest.raises(Unavailable):
        await core.administer_secrets.add(signing)
