"""What every `CatalogueReader`, `ScopeStore`, `ResourceStore` and `KeyStore` has to hold to."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.errors import CatalogueEntryExists, CatalogueEntryNotFound, Conflict
from domain.model.catalogue import EMPTY, StoredCatalogue
from domain.model.identifiers import ResourceId
from domain.model.keys import KeyId, KeyPurpose, KeySchedule, SealedKey, SigningAlgorithm
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.model.tokens import TokenFormat
from support.domain_samples import (
    DAY,
    HOUR,
    INVOICES,
    NOW,
    resource,
    scope_definition,
    sealed_keys,
)
from support.stores import Stores

READ = ScopeToken("invoices.read")


async def filled(stores: Stores) -> None:
    """Add a resource, a scope that it owns, and the first keys."""
    await stores.resources.add(resource())
    await stores.scopes.add(scope_definition(READ, resource=INVOICES))
    await stores.keys.establish(sealed_keys())


class TestVersion:
    async def test_an_empty_store_has_version_0(self, stores: Stores) -> None:
        """Nothing is there, and the version says so."""
        assert await stores.catalogue.version() == EMPTY == 0
        assert await stores.catalogue.load() == StoredCatalogue(version=EMPTY)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda s: s.scopes.add(scope_definition("b")), id="scope added"),
            pytest.param(lambda s: s.scopes.remove(ScopeToken("a")), id="scope removed"),
            pytest.param(
                lambda s: s.resources.add(resource("https://b.example")), id="resource added"
            ),
            pytest.param(
                lambda s: s.resources.remove(ResourceId("https://a.example")),
                id="resource removed",
            ),
            pytest.param(lambda s: s.keys.establish(sealed_keys()), id="keys established"),
        ],
    )
    async def test_every_change_raises_the_version(
        self, stores: Stores, another: Stores, change: Callable[[Stores], Awaitable[object]]
    ) -> None:
        """Whichever port it came through, and everybody sees it at once."""
        await stores.scopes.add(scope_definition("a"))
        await stores.resources.add(resource("https://a.example"))
        before = await another.catalogue.version()

        await change(stores)

        assert await another.catalogue.version() > before
        assert await stores.catalogue.version() == await another.catalogue.version()

    async def test_what_comes_and_goes_leaves_a_new_version(self, stores: Stores) -> None:
        """Equal contents at another time are another version: nobody misses what was between."""
        await filled(stores)
        before = await stores.catalogue.load()
        await stores.scopes.add(scope_definition("b"))
        await stores.scopes.remove(ScopeToken("b"))

        after = await stores.catalogue.load()

        assert after.scopes == before.scopes
        assert after.version > before.version

    async def test_racing_changes_lose_nothing(self, stores: Stores, another: Stores) -> None:
        """However many change it at once, each change is there and was counted."""
        turns = (stores, another)

        await asyncio.gather(
            *(turns[n % 2].scopes.add(scope_definition(f"scope-{n}")) for n in range(20)),
            *(turns[n % 2].resources.add(resource(f"https://{n}.example")) for n in range(20)),
            stores.keys.establish(sealed_keys()),
        )

        loaded = await stores.catalogue.load()
        assert (len(loaded.scopes), len(loaded.resources), len(loaded.keys)) == (20, 20, 3)
        assert loaded.version >= 41


class TestLoad:
    async def test_it_returns_everything_exactly(self, stores: Stores, another: Stores) -> None:
        """Every attribute survives being written and read."""
        owner = Resource(
            resource_id=ResourceId("urn:example:über?".replace("ü", "%C3%BC")),
            name="Größe & <Maß>",
            token_format=TokenFormat.OPAQUE,
            signing_algorithm=SigningAlgorithm.EDDSA,
            access_token_ttl=HOUR,
        )
        bare = Resource(resource_id=ResourceId("https://bare.example"))
        owned = ScopeDefinition(
            token=ScopeToken("a:b/c'd%e{f}"), description="ü ☃\n\t'", resource=owner.resource_id
        )
        free = ScopeDefinition(token=ScopeToken("free"))
        keys = (
            *sealed_keys(),
            SealedKey(
                purpose=KeyPurpose.SIGNING,
                key_id=KeyId("bare"),
                created_at=NOW,
                sealed=b"\0\xff",
                algorithm=SigningAlgorithm.RS256,
                schedule=KeySchedule(activate_at=NOW + DAY),
            ),
        )
        for known in (owner, bare):
            await stores.resources.add(known)
        for scope in (owned, free):
            await stores.scopes.add(scope)
        await stores.keys.establish(keys)

        loaded = await another.catalogue.load()

        assert loaded.version == await stores.catalogue.version()
        assert set(loaded.resources) == {owner, bare}
        assert set(loaded.scopes) == {owned, free}
        assert set(loaded.keys) == set(keys)

    async def test_each_kind_has_a_fixed_order(self, stores: Stores, another: Stores) -> None:
        """Whoever loads, and whatever else has come or gone, order stays."""
        for n in (*range(0, 40, 2), *range(1, 40, 2)):
            await stores.scopes.add(scope_definition(f"scope-{n:02d}-{'x' * 80}"))
            await stores.resources.add(resource(f"https://{n:02d}.example/{'x' * 80}"))
        await stores.keys.establish(sealed_keys())
        before = await stores.catalogue.load()

        await stores.scopes.add(scope_definition("passing"))
        await stores.scopes.remove(ScopeToken("passing"))
        after = await another.catalogue.load()

        assert after.scopes == before.scopes
        assert after.resources == before.resources
        assert after.keys == before.keys

    async def test_everything_is_as_of_one_version(self, stores: Stores, another: Stores) -> None:
        """Who loads while others write never sees a scope without its resource, nor half a step.

        Each round adds a resource with a scope of it and removes them again, so that every
        step has a version and contents of its own.
        """
        seen: dict[int, StoredCatalogue] = {}
        versions: list[int] = []

        async def write() -> None:
            for n in range(15):
                name = f"https://{n}.example"
                await stores.resources.add(resource(name))
                await stores.scopes.add(scope_definition(f"s{n}", resource=ResourceId(name)))
                if n % 2:
                    await stores.scopes.remove(ScopeToken(f"s{n}"))
                    await stores.resources.remove(ResourceId(name))

        async def read(writing: asyncio.Task[None]) -> None:
            while not writing.done():
                loaded = await another.catalogue.load()
                known = {one.resource_id for one in loaded.resources}
                assert all(scope.resource in known for scope in loaded.scopes)
                assert seen.setdefault(loaded.version, loaded) == loaded
                versions.append(loaded.version)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write())
            group.create_task(read(writing))

        assert versions == sorted(versions)


class TestScopes:
    async def test_a_known_scope_is_refused(self, stores: Stores) -> None:
        """The scope that is there stays as it is."""
        await stores.scopes.add(scope_definition(READ))

        with pytest.raises(CatalogueEntryExists):
            await stores.scopes.add(ScopeDefinition(token=READ, description="another"))

        assert (await stores.catalogue.load()).scopes == (scope_definition(READ),)

    async def test_a_scope_of_an_unknown_resource_is_refused(self, stores: Stores) -> None:
        """No token could be meant for its audience."""
        with pytest.raises(CatalogueEntryNotFound):
            await stores.scopes.add(scope_definition(READ, resource=INVOICES))

        assert (await stores.catalogue.load()).scopes == ()

    async def test_tokens_are_told_apart_by_case(self, stores: Stores) -> None:
        """Scope tokens are case-sensitive strings (RFC 6749 §3.3)."""
        await stores.scopes.add(scope_definition("read"))
        await stores.scopes.add(scope_definition("READ"))

        assert len((await stores.catalogue.load()).scopes) == 2

    async def test_removing_tells_whether_there_was_one(self, stores: Stores) -> None:
        """The first removal finds a scope, the second does not."""
        await stores.scopes.add(scope_definition(READ))

        assert await stores.scopes.remove(READ) is True
        assert await stores.scopes.remove(READ) is False
        assert (await stores.catalogue.load()).scopes == ()

    async def test_a_removed_scope_may_be_added_anew(self, stores: Stores) -> None:
        """Nothing of it is left in the way."""
        await stores.scopes.add(scope_definition(READ))
        await stores.scopes.remove(READ)
        anew = ScopeDefinition(token=READ, description="anew")

        await stores.scopes.add(anew)

        assert (await stores.catalogue.load()).scopes == (anew,)

    async def test_of_racing_callers_one_adds_a_scope(
        self, stores: Stores, another: Stores
    ) -> None:
        """However many add one token at once, one of them does and the rest are told."""
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(turns[n % 2].scopes.add(scope_definition(READ)) for n in range(20)),
            return_exceptions=True,
        )

        assert outcomes.count(None) == 1
        assert [type(told) for told in outcomes].count(CatalogueEntryExists) == 19


class TestResources:
    async def test_a_known_resource_is_refused(self, stores: Stores) -> None:
        """The resource that is there stays as it is."""
        await stores.resources.add(resource())

        with pytest.raises(CatalogueEntryExists):
            await stores.resources.add(Resource(resource_id=INVOICES, name="another"))

        assert (await stores.catalogue.load()).resources == (resource(),)

    async def test_identifiers_are_compared_as_they_are_written(self, stores: Stores) -> None:
        """They are never normalised."""
        for written in (INVOICES, f"{INVOICES}/", INVOICES.upper()):
            await stores.resources.add(resource(written))

        assert len((await stores.catalogue.load()).resources) == 3

    async def test_removing_tells_whether_there_was_one(self, stores: Stores) -> None:
        """The first removal finds a resource, the second does not."""
        await stores.resources.add(resource())

        assert await stores.resources.remove(INVOICES) is True
        assert await stores.resources.remove(INVOICES) is False
        assert (await stores.catalogue.load()).resources == ()

    async def test_a_resource_that_owns_scopes_is_a_conflict(self, stores: Stores) -> None:
        """It can be removed when its scopes are gone, and not before."""
        await filled(stores)

        with pytest.raises(Conflict):
            await stores.resources.remove(INVOICES)
        assert (await stores.catalogue.load()).resources == (resource(),)

        await stores.scopes.remove(READ)
        assert await stores.resources.remove(INVOICES) is True

    async def test_of_racing_callers_one_adds_a_resource(
        self, stores: Stores, another: Stores
    ) -> None:
        """However many add one resource at once, one of them does and the rest are told."""
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(turns[n % 2].resources.add(resource()) for n in range(20)), return_exceptions=True
        )

        assert outcomes.count(None) == 1
        assert [type(told) for told in outcomes].count(CatalogueEntryExists) == 19

    @pytest.mark.parametrize("removes_first", [True, False])
    async def test_no_scope_outlives_its_resource_in_a_race(
        self, stores: Stores, another: Stores, *, removes_first: bool
    ) -> None:
        """Of adding a scope and removing its resource at once, one is refused."""
        for n in range(10):
            name = ResourceId(f"https://{n}.example")
            token = ScopeToken(f"s{n}")
            await stores.resources.add(resource(name))
            removing = another.resources.remove(name)
            adding = stores.scopes.add(scope_definition(token, resource=name))

            outcomes = await asyncio.gather(
                *((removing, adding) if removes_first else (adding, removing)),
                return_exceptions=True,
            )

            loaded = await stores.catalogue.load()
            is_added = token in {scope.token for scope in loaded.scopes}
            is_there = name in {one.resource_id for one in loaded.resources}
            assert is_added is is_there
            refusal = Conflict if is_added else CatalogueEntryNotFound
            assert [type(told) for told in outcomes].count(refusal) == 1


class TestKeys:
    async def test_the_first_keys_are_established(self, stores: Stores, another: Stores) -> None:
        """All of them are there, wherever they are read."""
        assert await stores.keys.establish(sealed_keys()) is True

        assert set((await another.catalogue.load()).keys) == set(sealed_keys())

    async def test_later_keys_are_left_out_whole(self, stores: Stores) -> None:
        """Whoever comes second is told, and changes nothing."""
        await stores.keys.establish(sealed_keys("first"))

        assert await stores.keys.establish(sealed_keys("second")) is False

        assert set((await stores.catalogue.load()).keys) == set(sealed_keys("first"))

    async def test_scopes_and_resources_are_no_keys(self, stores: Stores) -> None:
        """A catalogue without keys takes the first ones, whatever else it holds."""
        await stores.resources.add(resource())
        await stores.scopes.add(scope_definition(READ))

        assert await stores.keys.establish(sealed_keys()) is True

    async def test_of_racing_callers_exactly_one_establishes(
        self, stores: Stores, another: Stores
    ) -> None:
        """However many start at once on an empty store, one makes the keys, all of them."""
        batches = [sealed_keys(f"batch-{n}") for n in range(20)]
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(turns[n % 2].keys.establish(batch) for n, batch in enumerate(batches))
        )

        [winner] = [
            batch for batch, established in zip(batches, outcomes, strict=True) if established
        ]
        assert set((await stores.catalogue.load()).keys) == set(winner)
