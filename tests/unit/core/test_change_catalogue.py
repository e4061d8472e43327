from dataclasses import replace

import pytest

from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.catalogue import MemoryCatalogueStore
from domain.errors import CatalogueEntryExists, Conflict
from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.usecases.change_catalogue import CatalogueChange, ChangeCatalogue
from support.catalogue_steps import put
from support.domain_samples import scope_definition

BEATEN_FOR_EVER = 1_000


class BusyStore(MemoryCatalogueStore):
    """A catalogue that somebody else changes just before our first replacements."""

    def __init__(self, *, beaten: int = 0) -> None:
        super().__init__()
        self.beaten = beaten
        self.replaced_before_it_is_confirmed = False
        self.replacements = 0

    async def replace(self, changed: StoredCatalogue, /, *, seen: StoredCatalogue) -> None:
        if self.beaten:
            self.beaten -= 1
            somebody = scope_definition(f"somebody-{self.beaten}")
            await super().replace(replace(seen, scopes=(*seen.scopes, somebody)), seen=seen)
        self.replacements += 1
        await super().replace(changed, seen=seen)

    async def confirm(self, seen: StoredCatalogue, /) -> None:
        if self.replaced_before_it_is_confirmed:
            self.replaced_before_it_is_confirmed = False
            await put(self, scopes=[scope_definition("somebody")])
        await super().confirm(seen)


def change(store: MemoryCatalogueStore) -> ChangeCatalogue:
    return ChangeCatalogue(store, audit=MemoryAuditTrail())


def add_ours(stored: StoredCatalogue) -> StoredCatalogue:
    return replace(stored, scopes=(*stored.scopes, scope_definition("ours")))


async def tokens(store: MemoryCatalogueStore) -> list[str]:
    return [scope.token for scope in (await store.load()).scopes]


async def test_a_change_is_made_of_what_is_there() -> None:
    store = BusyStore()
    await put(store, scopes=[scope_definition("theirs")])

    before = await store.load()

    changed = await change(store)(add_ours)

    assert await tokens(store) == ["ours", "theirs"]
    assert changed == CatalogueChange(before, add_ours(before))


async def test_what_somebody_faster_changed_is_kept() -> None:
    """The change is judged anew with it."""
    store = BusyStore(beaten=3)

    assert await change(store)(add_ours)

    assert await tokens(store) == ["ours", "somebody-0", "somebody-1", "somebody-2"]


async def test_what_somebody_faster_made_impossible_is_refused() -> None:
    """By the judgement of the second time."""
    store = BusyStore(beaten=1)

    def judge(stored: StoredCatalogue) -> StoredCatalogue:
        if stored.scopes:
            raise CatalogueEntryExists
        return add_ours(stored)

    with pytest.raises(CatalogueEntryExists):
        await change(store)(judge)

    assert await tokens(store) == ["somebody-0"]


async def test_a_change_that_changes_nothing_is_not_written() -> None:
    store = BusyStore()
    await put(store, scopes=[scope_definition("theirs")])
    before = await store.load()
    store.replacements = 0

    assert await change(store)(lambda stored: stored) is None

    assert store.replacements == 0
    assert await store.load() == before


async def test_nothing_to_change_is_judged_anew_if_somebody_is_faster() -> None:
    """What was there already may have been taken back, or lost, before it was confirmed."""
    store = BusyStore()
    store.replaced_before_it_is_confirmed = True

    def add_if_there_is_something(stored: StoredCatalogue) -> StoredCatalogue:
        return add_ours(stored) if stored.scopes else stored

    assert await change(store)(add_if_there_is_something)

    assert await tokens(store) == ["ours", "somebody"]


async def test_the_only_version_that_may_be_changed_can_be_named() -> None:
    store = BusyStore()
    await put(store, scopes=[scope_definition("theirs")])
    now = (await store.load()).version

    with pytest.raises(Conflict) as refusal:
        await change(store)(add_ours, if_version=CatalogueVersion(now + 1))
    assert "somebody else changed" in refusal.value.hint
    assert await change(store)(add_ours, if_version=now)


async def test_somebody_faster_is_a_conflict_if_the_version_was_named() -> None:
    """Nobody judges anew what was judged for another catalogue."""
    store = BusyStore(beaten=1)

    with pytest.raises(Conflict):
        await change(store)(add_ours, if_version=(await store.load()).version)

    assert await tokens(store) == ["somebody-0"]


async def test_a_catalogue_that_never_rests_is_a_conflict() -> None:
    """Nobody tries for ever."""
    store = BusyStore(beaten=BEATEN_FOR_EVER)

    with pytest.raises(Conflict, match="times"):
        await change(store)(add_ours)

    assert "ours" not in await tokens(store)
    assert store.replacements < BEATEN_FOR_EVER
