"""Whatever is there and whatever is wanted: applying leads there, at once or in pieces."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Conflict
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod
from domain.model.desired_state import CurrentState, DesiredClient, DesiredState
from domain.model.identifiers import ClientId, Epoch, ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from domain.model.tokens import TokenFormat
from domain.usecases.export_state import export_state
from entrypoints.cli.export import write_state
from support.core import HandWiredCore, build_core
from support.domain_samples import NOW
from support.domain_strategies import ttls
from support.states import (
    Fuse,
    Killed,
    MemorySecretOutlet,
    apply,
    guarded,
    require_plan,
    state_file,
)
from support.stores import Stores, memory_stores

_RESOURCES = tuple(ResourceId(f"https://{name}.example") for name in ("a", "b"))
_TOKENS = tuple(ScopeToken(token) for token in ("read", "write", "42", "no"))
_CLIENTS = tuple(ClientId(name) for name in ("ledger", "0x1f", "null", "payroll"))
_METHODS = (
    frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST}),
    frozenset({AuthMethod.CLIENT_SECRET_JWT, AuthMethod.CLIENT_SECRET_BASIC}),
    frozenset({AuthMethod.NONE}),
)

_names = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=5)


@st.composite
def states(draw: st.DrawFn) -> DesiredState:
    """Draw states of few names, so that two of them have much in common."""
    resources = draw(st.sets(st.sampled_from(_RESOURCES)))
    tokens = sorted(draw(st.sets(st.sampled_from(_TOKENS))))
    owners = st.none() | st.sampled_from(sorted(resources)) if resources else st.none()
    names = draw(st.sets(st.sampled_from(_CLIENTS)))
    return DesiredState(
        resources=tuple(
            Resource(
                resource_id=name,
                name=draw(_names),
                token_format=draw(st.none() | st.sampled_from(TokenFormat)),
                access_token_ttl=draw(ttls),
                disabled=draw(st.booleans()),
            )
            for name in sorted(resources)
        ),
        scopes=tuple(
            ScopeDefinition(
                token=token,
                description=draw(_names),
                resource=draw(owners),
                disabled=draw(st.booleans()),
            )
            for token in tokens
        ),
        clients=tuple(
            DesiredClient(draft=draw(_drafts(name, tokens, sorted(resources))))
            for name in sorted(names)
        ),
        policy=draw(_policies),
    )


@st.composite
def _drafts(
    draw: st.DrawFn, name: ClientId, tokens: list[ScopeToken], resources: list[ResourceId]
) -> Client:
    subset = st.frozensets(st.sampled_from(resources)) if resources else st.just(frozenset())
    held = st.sets(st.sampled_from(tokens)).map(Scope.of) if tokens else st.just(Scope())
    scope = draw(held)
    return Client(
        client_id=name,
        epoch=Epoch(""),
        created_at=NOW,
        name=draw(_names),
        disabled=draw(st.booleans()),
        auth_methods=draw(st.sampled_from(_METHODS)),
        grant_types=draw(st.frozensets(st.sampled_from(GrantType))),
        scope=scope,
        default_scope=scope & draw(held),
        audiences=draw(subset),
        serves=draw(subset),
        introspect_any=draw(st.booleans()),
        access_token_ttl=draw(ttls),
        refresh_grace=draw(st.none() | st.just(timedelta())),
    )


_policies = st.builds(
    DeclaredPolicy,
    access_token_ttl=ttls,
    grant_access_token_ttl=st.dictionaries(
        st.sampled_from(GrantType), st.just(timedelta(minutes=5)), max_size=2
    ),
    token_format=st.none() | st.sampled_from(TokenFormat),
    signing_algorithm=st.none() | st.just(SigningAlgorithm.RS256),
    require_scope=st.none() | st.booleans(),
    max_families_per_client=st.none() | st.integers(1, 9),
)


async def new_core(stores: Stores) -> HandWiredCore:
    """Wire a core on stores that hold something already, as another process would."""
    return await build_core(stores=stores, scopes=(), resources=())


def seen(current: CurrentState) -> DesiredState:
    """Return a state without what the store keeps of its clients."""
    state = export_state(current)
    return replace(
        state,
        clients=tuple(
            DesiredClient(draft=replace(one.draft, epoch=Epoch(""), created_at=NOW, version=1))
            for one in state.clients or ()
        ),
    )


@given(before=states(), wanted=states())
async def test_applying_leads_to_what_is_wanted_and_twice_changes_nothing(
    before: DesiredState, wanted: DesiredState
) -> None:
    """From anything to anything, and then there is nothing to do and nothing is written."""
    core = await build_core(scopes=(), resources=())
    outlet = MemorySecretOutlet()
    await apply(core, before, prune=True)

    await apply(core, wanted, prune=True, outlet=outlet)

    reached = await core.apply_state.read()
    assert seen(reached) == wanted
    assert not (await apply(core, wanted, prune=True)).changes
    again = await core.apply_state.read()
    assert (again.catalogue.version, again.clients) == (reached.catalogue.version, reached.clients)


@given(before=states())
async def test_what_was_exported_applies_without_any_change(before: DesiredState) -> None:
    """Through the text of the file, with names that YAML could take for something else."""
    core = await build_core(scopes=(), resources=())
    await apply(core, before, prune=True)
    current = await core.apply_state.read()

    read = state_file(write_state(export_state(current)))

    assert not read.problems
    assert not (await require_plan(core, read.desired, prune=True)).changes
    assert seen(current) == before


@given(before=states(), wanted=states(), writes=st.integers(0, 12), after_it=st.booleans())
async def test_killed_at_any_write_and_applied_again_is_as_applied_once(
    before: DesiredState, wanted: DesiredState, writes: int, *, after_it: bool
) -> None:
    """And the secret that a client has is the one that was left for the operator."""
    async with memory_stores() as stores:
        await apply(await new_core(stores), before, prune=True)
        had = set((await (await new_core(stores)).apply_state.read()).clients)
        outlet = MemorySecretOutlet()
        fuse = Fuse(writes, after_it=after_it)
        killed = await new_core(guarded(stores, fuse.around))
        try:
            await apply(killed, wanted, prune=True, outlet=outlet)
        except Killed:
            await apply(await new_core(stores), wanted, prune=True, outlet=outlet)

        core = await new_core(stores)
        reached = await core.apply_state.read()
        assert seen(reached) == wanted
        assert not reached.catalogue.policy.apply_under_way
        for client in reached.clients.values():
            if client.uses_a_secret and client.client_id not in had:
                kept = {secret.secret_id for secret in client.secrets}
                assert kept == {outlet.left[client.client_id].secret_id}


@settings(deadline=None, max_examples=40)
@given(
    before=states(), one=states(), other=states(), seed=st.integers(0, 2**32), late=st.booleans()
)
async def test_of_two_that_apply_at_once_no_blend_remains(
    before: DesiredState, one: DesiredState, other: DesiredState, seed: int, *, late: bool
) -> None:
    """Whoever is told that it is done has what its file says; the other hears of a conflict."""
    chance = Random(seed)
    moments = count()
    done: dict[int, DesiredState] = {}

    async def attempt(wanted: DesiredState, start_after: int) -> None:
        last_step = next(moments)

        async def in_any_order(write: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401  (as write returns)
            nonlocal last_step
            written = await write()
            last_step = next(moments)
            for _ in range(chance.randrange(5)):
                await asyncio.sleep(0)
            return written

        for _ in range(start_after):
            await asyncio.sleep(0)
        core = await new_core(guarded(stores, in_any_order))
        last_step = next(moments)
        with suppress(Conflict):
            await apply(core, wanted, prune=True)
            done[last_step] = wanted

    async with memory_stores() as stores:
        await apply(await new_core(stores), before, prune=True)
        await asyncio.gather(attempt(one, 0), attempt(other, chance.randrange(40) if late else 0))

        core = await new_core(stores)
        if done:
            assert seen(await core.apply_state.read()) == done[max(done)]
        await apply(core, one, prune=True)
        assert seen(await core.apply_state.read()) == one
