"""Sealing kept secrets anew while others change the same clients, on every kind of store."""

import asyncio
from dataclasses import replace

from domain.model.clients import Client
from domain.model.credentials import AuthMethod
from domain.model.identifiers import ClientId
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.change_client import ChangeClient
from domain.usecases.rewrap import Rewrap, Rewrapped
from support.core import HandWiredCore, build_core, draft
from support.doubles import PlainEnvelope
from support.stores import Stores

CLIENTS = tuple(ClientId(f"signing-{n:02}") for n in range(6))
CHANGES = 3


def build_rewrap(core: HandWiredCore, stores: Stores) -> Rewrap:
    return Rewrap(
        stores.catalogue,
        stores.clients,
        change_catalogue=ChangeCatalogue(stores.catalogue, audit=core.audit),
        change_client=ChangeClient(stores.clients, clock=core.clock, audit=core.audit),
        envelope=PlainEnvelope("new", "old"),
        clock=core.clock,
        audit=core.audit,
    )


async def register_signing(core: HandWiredCore) -> None:
    signing = frozenset({AuthMethod.CLIENT_SECRET_JWT})
    for client_id in CLIENTS:
        await core.administer_clients.create(draft(client_id, auth_methods=signing))


async def rename(core: HandWiredCore, stores: Stores, client_id: ClientId) -> None:
    """Change a client again and again, each time by what it is by then."""
    change = ChangeClient(stores.clients, clock=core.clock, audit=core.audit)

    def lengthen(client: Client) -> Client:
        return replace(client, name=f"{client.name}+")

    for _ in range(CHANGES):
        await change(client_id, lengthen)


async def test_no_change_and_no_secret_is_lost(stores: Stores, another: Stores) -> None:
    """Two rewraps at once, and every client changed from both sides meanwhile."""
    core = await build_core(stores=stores, envelope=PlainEnvelope("old"))
    await register_signing(core)
    before = {one: await core.administer_clients.show(one) for one in CLIENTS}

    async def rewrap(on: Stores) -> Rewrapped:
        return await build_rewrap(core, on)(progress=lambda _done, _expected: None)

    await asyncio.gather(
        rewrap(stores),
        rewrap(another),
        *(rename(core, stores, client_id) for client_id in CLIENTS[::2]),
        *(rename(core, another, client_id) for client_id in CLIENTS),
    )

    new, old = await build_rewrap(core, stores).standings()
    assert (new.kept_secrets, old.seals_nothing) == (len(CLIENTS), True)
    for number, client_id in enumerate(CLIENTS):
        after = await stores.clients.find(client_id)
        assert after is not None
        was, now = before[client_id].secrets, after.secrets
        assert [replace(secret, sealed=None) for secret in now] == [
            replace(secret, sealed=None) for secret in was
        ]
        assert len(after.name) == len(before[client_id].name) + CHANGES * (2 - number % 2)
