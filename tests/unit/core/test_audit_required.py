"""With a trail that has to be written and cannot be, nothing is handed out and nothing changes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from domain.errors import GrantdError, InvalidClient, Unavailable
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from domain.model.introspection import INACTIVE
from domain.model.scopes import ScopeToken
from support.core import ORIGIN, HandWiredCore, build_core, draft, refreshing
from support.domain_samples import LEDGER, PAYROLL, scope_definition

IMPOSTOR = PresentedCredentials(
    ClientId(LEDGER), AuthMethod.CLIENT_SECRET_BASIC, ClientSecret("not-its-secret")
)


@dataclass(frozen=True)
class World:
    core: HandWiredCore
    ledger: PresentedCredentials
    access_token: str
    refresh_token: str


@pytest.fixture
async def world() -> World:
    core = await build_core()
    ledger = await core.register(refreshing())
    issued = await core.issue(ledger)
    core.audit.events.clear()
    return World(core, ledger, issued.access_token, issued.refresh_token or "")


CHANGES: dict[str, Callable[[World], Awaitable[object]]] = {
    "issue": lambda it: it.core.issue(it.ledger),
    "refresh": lambda it: it.core.refresh(it.ledger, it.refresh_token),
    "revoke": lambda it: it.core.revoke(it.ledger, it.access_token),
    "revoke as an operator": lambda it: it.core.revoke_by_operator.token(it.access_token),
    "create a client": lambda it: it.core.administer_clients.create(draft(PAYROLL)),
    "disable a client": lambda it: it.core.administer_clients.disable(ClientId(LEDGER)),
    "delete a client": lambda it: it.core.administer_clients.delete(ClientId(LEDGER)),
    "add a scope": lambda it: it.core.administer_catalogue.add_scope(scope_definition("new")),
    "rotate a key": lambda it: it.core.administer_keys.rotate(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
async def test_a_change_is_refused_before_it_is_made(
    world: World, change: Callable[[World], Awaitable[object]]
) -> None:
    """And possible again as soon as the trail is."""
    core = world.core
    catalogue = await core.stores.catalogue.load()
    before = await core.administer_clients.show(ClientId(LEDGER))
    core.audit.is_down = True
    with pytest.raises(Unavailable):
        await change(world)
    core.audit.is_down = False

    assert core.audit.events == []
    assert await core.stores.catalogue.load() == catalogue
    assert await core.administer_clients.show(ClientId(LEDGER)) == before
    assert await core.stores.clients.find(ClientId(PAYROLL)) is None
    assert ScopeToken("new") not in (await core.administer_catalogue.read()).scopes
    assert await core.introspect(world.ledger, world.access_token) != INACTIVE
    assert await core.introspect(world.ledger, world.refresh_token) != INACTIVE
    await change(world)
    assert len(core.audit.events) == 1


REFUSALS: dict[str, Callable[[World], Awaitable[object]]] = {
    "token": lambda it: it.core.issue(IMPOSTOR),
    "introspection": lambda it: it.core.introspect(IMPOSTOR, it.access_token),
    "revocation": lambda it: it.core.revoke(IMPOSTOR, it.access_token),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
async def test_a_refusal_that_cannot_be_recorded_is_none(
    world: World, refusal: Callable[[World], Awaitable[object]]
) -> None:
    """Whoever guesses learns nothing that was not written down."""
    world.core.audit.is_down = True
    with pytest.raises(Unavailable):
        await refusal(world)


@pytest.mark.parametrize("where", ["introspection", "revocation"])
@pytest.mark.parametrize("error", [InvalidClient, None], ids=["not proved", "no token named"])
async def test_a_refused_caller_leaves_one_event(
    world: World, where: str, error: type[GrantdError] | None
) -> None:
    """With who it claims to be, from where, and why."""
    core = world.core
    ask = core.introspect if where == "introspection" else core.revoke
    with pytest.raises(error or GrantdError) as refusal:
        await ask(IMPOSTOR if error else world.ledger, None)

    [event] = core.audit.events
    assert event.kind is EventKind.CLIENT_REFUSED
    assert (event.client_id, event.origin, event.subject) == (LEDGER, ORIGIN, where)
    assert event.reason == f"{refusal.value.code}: {refusal.value.detail}"
