"""What tests put into a catalogue, straight through its port."""

from collections.abc import Iterable
from dataclasses import replace

from domain.model.keys import SealedKey
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition
from domain.ports.catalogue import CatalogueStore


async def put(
    store: CatalogueStore,
    *,
    scopes: Iterable[ScopeDefinition] = (),
    resources: Iterable[Resource] = (),
    keys: Iterable[SealedKey] = (),
) -> None:
    """Add entries in one change, in place of those of the same names."""
    before = await store.load()
    after = replace(
        before,
        scopes=tuple({one.token: one for one in (*before.scopes, *scopes)}.values()),
        resources=tuple({one.resource_id: one for one in (*before.resources, *resources)}.values()),
        keys=tuple({(one.purpose, one.key_id): one for one in (*before.keys, *keys)}.values()),
    )
    await store.replace(after, seen=before)


async def drop(store: CatalogueStore, *names: str) -> None:
    """Remove the scopes, resources and keys of these names in one change."""
    before = await store.load()
    after = replace(
        before,
        scopes=tuple(one for one in before.scopes if one.token not in names),
        resources=tuple(one for one in before.resources if one.resource_id not in names),
        keys=tuple(one for one in before.keys if one.key_id not in names),
    )
    await store.replace(after, seen=before)
