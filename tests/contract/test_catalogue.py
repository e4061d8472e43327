"""What every `CatalogueStore` has to hold to."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from adapters.memory.audit_trail import MemoryAuditTrail
from domain.errors import Conflict
from domain.model.catalogue import EMPTY, StoredCatalogue
from domain.model.clients import GrantType
from domain.model.identifiers import ResourceId
from domain.model.keys import KeyId, KeyPurpose, KeySchedule, SealedKey, SigningAlgorithm
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.model.tokens import TokenFormat
from domain.ports.catalogue import CatalogueStore
from domain.usecases.change_catalogue import ChangeCatalogue
from support.catalogue_steps import drop, put
from support.domain_samples import (
    DAY,
    HOUR,
    INVOICES,
    NOW,
    resource,
    scope_definition,
    sealed_keys,
)
from support.stores import Stores, redis_stores, sqlite_stores

READ = ScopeToken("invoices.read")
POLICY = DeclaredPolicy(
    access_token_ttl=HOUR,
    grant_access_token_ttl={GrantType.REFRESH_TOKEN: timedelta(minutes=5)},
    refresh_token_ttl=30 * DAY,
    refresh_token_max_age=90 * DAY,
    refresh_grace=timedelta(seconds=30),
    token_format=TokenFormat.OPAQUE,
    signing_algorithm=SigningAlgorithm.RS256,
    require_scope=True,
    revoke_access_token_on_refresh=False,
    max_families_per_client=7,
)


async def declare(store: CatalogueStore, policy: DeclaredPolicy) -> None:
    before = await store.load()
    await store.replace(replace(before, policy=policy), seen=before)


async def filled(stores: Stores) -> StoredCatalogue:
    """Put in one of each kind and return what is there."""
    empty = await stores.catalogue.load()
    await stores.catalogue.replace(
        StoredCatalogue(
            version=EMPTY,
            scopes=(scope_definition(READ, resource=INVOICES),),
            resources=(resource(),),
            keys=sealed_keys(),
            policy=POLICY,
        ),
        seen=empty,
    )
    return await stores.catalogue.load()


class TestVersion:
    async def test_an_empty_store_has_version_0(self, stores: Stores) -> None:
        """Nothing is there, and the version says so."""
        assert await stores.catalogue.version() == EMPTY == 0
        assert await stores.catalogue.load() == StoredCatalogue(version=EMPTY)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda s: put(s, scopes=[scope_definition("b")]), id="scope added"),
            pytest.param(
                lambda s: put(s, scopes=[replace(scope_definition(READ), description="new")]),
                id="scope changed",
            ),
            pytest.param(lambda s: drop(s, READ), id="scope removed"),
            pytest.param(
                lambda s: put(s, resources=[resource("https://b.example")]), id="resource added"
            ),
            pytest.param(
                lambda s: put(s, resources=[replace(resource(), name="new")]),
                id="resource changed",
            ),
            pytest.param(lambda s: drop(s, INVOICES), id="resource removed"),
            pytest.param(lambda s: put(s, keys=sealed_keys("second")), id="keys added"),
            pytest.param(lambda s: drop(s, "first-es256"), id="key removed"),
            pytest.param(lambda s: declare(s, DeclaredPolicy(require_scope=True)), id="policy"),
            pytest.param(lambda s: declare(s, DeclaredPolicy()), id="policy removed"),
            pytest.param(lambda s: declare(s, POLICY), id="nothing"),
        ],
    )
    async def test_every_replacement_raises_the_version(
        self, stores: Stores, another: Stores, change: Callable[[CatalogueStore], Awaitable[None]]
    ) -> None:
        """Whatever it changed, and everybody sees it at once."""
        await filled(stores)
        before = await another.catalogue.version()

        await change(stores.catalogue)

        assert await another.catalogue.version() > before
        assert await stores.catalogue.version() == await another.catalogue.version()

    async def test_what_comes_and_goes_leaves_a_new_version(self, stores: Stores) -> None:
        """Equal contents at another time are another version: nobody misses what was between."""
        before = await filled(stores)
        await put(stores.catalogue, scopes=[scope_definition("b")])
        await drop(stores.catalogue, "b")

        after = await stores.catalogue.load()

        assert replace(after, version=before.version) == before
        assert after.version > before.version


class TestLoad:
    async def test_it_returns_everything_exactly(self, stores: Stores, another: Stores) -> None:
        """Every attribute survives being written and read."""
        owner = Resource(
            resource_id=ResourceId("urn:example:%C3%BCber?"),
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
        await put(stores.catalogue, resources=[owner, bare], scopes=[owned, free], keys=keys)

        loaded = await another.catalogue.load()

        assert loaded.version == await stores.catalogue.version()
        assert set(loaded.resources) == {owner, bare}
        assert set(loaded.scopes) == {owned, free}
        assert set(loaded.keys) == set(keys)
        assert loaded.policy == DeclaredPolicy()

    @pytest.mark.parametrize("policy", [POLICY, DeclaredPolicy(refresh_grace=timedelta())])
    async def test_a_declared_policy_is_kept(
        self, stores: Stores, another: Stores, policy: DeclaredPolicy
    ) -> None:
        """What is left open stays open, and what is 0 stays 0."""
        await declare(stores.catalogue, policy)

        assert (await another.catalogue.load()).policy == policy

    async def test_names_are_told_apart_as_they_are_written(self, stores: Stores) -> None:
        """Scope tokens are case-sensitive (RFC 6749 §3.3); identifiers are never normalised."""
        names = [INVOICES, f"{INVOICES}/", INVOICES.upper()]
        await put(stores.catalogue, scopes=[scope_definition("read"), scope_definition("READ")])
        await put(stores.catalogue, resources=[resource(name) for name in names])

        loaded = await stores.catalogue.load()

        assert [one.token for one in loaded.scopes] == ["READ", "read"]
        assert [one.resource_id for one in loaded.resources] == sorted(names)

    async def test_each_kind_has_a_fixed_order(self, stores: Stores, another: Stores) -> None:
        """Whoever loads, and whatever else has come or gone, order stays."""
        shuffled = (*range(0, 40, 2), *range(1, 40, 2))
        await put(
            stores.catalogue,
            scopes=[scope_definition(f"scope-{n:02d}-{'x' * 80}") for n in shuffled],
            resources=[resource(f"https://{n:02d}.example/{'x' * 80}") for n in shuffled],
            keys=sealed_keys(),
        )
        before = await stores.catalogue.load()

        await put(stores.catalogue, scopes=[scope_definition("passing")])
        await drop(stores.catalogue, "passing")
        after = await another.catalogue.load()

        assert list(before.scopes) == sorted(before.scopes, key=lambda one: one.token)
        assert replace(after, version=before.version) == before

    async def test_everything_is_as_of_one_version(self, stores: Stores, another: Stores) -> None:
        """Who loads while others write sees no half of a step.

        Each step changes every kind at once, and each version has contents of its own.
        """
        seen: dict[int, StoredCatalogue] = {}
        versions: list[int] = []

        async def write() -> None:
            for n in range(30):
                before = await stores.catalogue.load()
                name = ResourceId(f"https://{n}.example")
                after = StoredCatalogue(
                    version=EMPTY,
                    resources=(resource(name),),
                    scopes=(scope_definition(f"s{n}", resource=name),),
                    keys=sealed_keys(f"batch-{n}"),
                    policy=DeclaredPolicy(max_families_per_client=n + 1),
                )
                await stores.catalogue.replace(after, seen=before)

        async def read(writing: asyncio.Task[None]) -> None:
            while not writing.done():
                loaded = await another.catalogue.load()
                assert [scope.resource for scope in loaded.scopes] == [
                    one.resource_id for one in loaded.resources
                ]
                assert seen.setdefault(loaded.version, loaded) == loaded
                versions.append(loaded.version)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write())
            group.create_task(read(writing))

        assert versions == sorted(versions)
        assert (await another.catalogue.load()).policy.max_families_per_client == 30


class TestReplace:
    async def test_of_racing_callers_one_replaces_a_version(
        self, stores: Stores, another: Stores
    ) -> None:
        """However many saw it, one of them changes it and the rest are told; nothing mixes."""
        seen = await filled(stores)
        turns = (stores, another)
        offers = [
            replace(seen, scopes=(scope_definition(f"s{n}"),), keys=sealed_keys(f"batch-{n}"))
            for n in range(20)
        ]

        outcomes = await asyncio.gather(
            *(turns[n % 2].catalogue.replace(one, seen=seen) for n, one in enumerate(offers)),
            return_exceptions=True,
        )

        assert outcomes.count(None) == 1
        assert [type(told) for told in outcomes].count(Conflict) == 19
        winner = offers[outcomes.index(None)]
        loaded = await stores.catalogue.load()
        assert loaded.version > seen.version
        assert loaded.scopes == winner.scopes
        assert set(loaded.keys) == set(winner.keys)

    async def test_a_version_that_has_passed_cannot_be_replaced(
        self, stores: Stores, another: Stores
    ) -> None:
        """Not even by what it would be anyway: who saw it knows nothing of what came since."""
        seen = await filled(stores)
        await put(another.catalogue, scopes=[scope_definition("b")])
        after = await another.catalogue.load()

        for offer in (seen, after, replace(seen, scopes=())):
            with pytest.raises(Conflict):
                await stores.catalogue.replace(offer, seen=seen)

        assert await stores.catalogue.load() == after

    async def test_no_update_is_lost(self, stores: Stores, another: Stores) -> None:
        """However many change it at once, each change is there and was counted."""
        changes = [
            ChangeCatalogue(store, audit=MemoryAuditTrail())
            for store in (stores.catalogue, another.catalogue)
        ]

        async def add(n: int) -> None:
            definition = scope_definition(f"scope-{n}")
            while True:
                try:
                    await changes[n % 2](lambda s: replace(s, scopes=(*s.scopes, definition)))
                except Conflict:
                    continue
                return

        await asyncio.gather(*map(add, range(30)))

        loaded = await stores.catalogue.load()
        assert {one.token for one in loaded.scopes} == {f"scope-{n}" for n in range(30)}
        assert loaded.version >= 30

    async def test_the_version_of_what_is_written_is_not_looked_at(self, stores: Stores) -> None:
        """Only the one that was seen counts."""
        seen = await filled(stores)

        await stores.catalogue.replace(replace(seen, version=EMPTY, scopes=()), seen=seen)

        loaded = await stores.catalogue.load()
        assert loaded == replace(seen, version=loaded.version, scopes=())
        assert loaded.version > seen.version

    async def test_everything_can_go_and_come_again(self, stores: Stores, another: Stores) -> None:
        """Nothing of what was there is left in the way."""
        before = await filled(stores)
        await stores.catalogue.replace(StoredCatalogue(version=EMPTY), seen=before)
        gone = await another.catalogue.load()
        assert gone == StoredCatalogue(version=gone.version)

        await another.catalogue.replace(before, seen=gone)

        assert replace(await stores.catalogue.load(), version=before.version) == before


class TestWhatRedisLost:
    async def test_leaves_its_version_to_no_other_catalogue(self, redis_url: str) -> None:
        """Who remembers the lost one by its version would take the other for it."""
        async with redis_stores(redis_url) as stores, Redis.from_url(redis_url) as raw:
            await filled(stores)
            before = {key: await raw.dump(key) for key in await raw.keys("grantd:*")}
            await put(stores.catalogue, keys=sealed_keys("lost"))
            lost = await stores.catalogue.version()
            for key, value in before.items():
                await raw.restore(key, 0, value, replace=True)

            await drop(stores.catalogue, "first-es256")

            assert await stores.catalogue.version() != lost


class TestConfirm:
    async def test_a_catalogue_as_it_is_is_confirmed(self, stores: Stores, another: Stores) -> None:
        """Whoever saw it, and its version stays."""
        seen = await filled(stores)

        await another.catalogue.confirm(seen)

        assert await stores.catalogue.load() == seen

    async def test_a_version_that_has_passed_is_not(self, stores: Stores, another: Stores) -> None:
        seen = await filled(stores)
        await put(another.catalogue, scopes=[scope_definition("b")])

        with pytest.raises(Conflict):
            await stores.catalogue.confirm(seen)


class TestWhatBothHaveInCommon:
    """An entry that nobody changes keeps its bytes: another release may have written it."""

    FOREIGN = b'{"token":"invoices.read","of_a_later_release":[1]}'
    OLD = b'{"resource_id":"https://invoices.example"}'

    @staticmethod
    async def change_something_else(stores: Stores) -> None:
        loaded = await stores.catalogue.load()
        assert loaded.scopes == (ScopeDefinition(token=READ),)
        assert loaded.resources == (Resource(resource_id=INVOICES),)
        await put(stores.catalogue, scopes=[scope_definition("b")], keys=sealed_keys())

    async def test_is_not_written_anew_in_sqlite(self, tmp_path: Path) -> None:
        """Its row stays as it is."""
        path = tmp_path / "grantd.db"
        async with sqlite_stores(path) as stores:
            await put(
                stores.catalogue, scopes=[scope_definition(READ)], resources=[resource(INVOICES)]
            )
            with closing(sqlite3.connect(path, isolation_level=None)) as raw:
                raw.execute("UPDATE scopes SET record = ?", (self.FOREIGN,))
                raw.execute("UPDATE resources SET record = ?", (self.OLD,))

                await self.change_something_else(stores)

                found = raw.execute("SELECT record FROM scopes WHERE token = ?", (READ,)).fetchall()
                found += raw.execute("SELECT record FROM resources").fetchall()
        assert found == [(self.FOREIGN,), (self.OLD,)]

    async def test_is_not_written_anew_in_redis(self, redis_url: str) -> None:
        """Its field stays as it is."""
        async with redis_stores(redis_url) as stores:
            await put(
                stores.catalogue, scopes=[scope_definition(READ)], resources=[resource(INVOICES)]
            )
            async with Redis.from_url(redis_url) as raw:
                await raw.hset("grantd:{catalogue}:scopes", READ, self.FOREIGN)
                await raw.hset("grantd:{catalogue}:resources", INVOICES, self.OLD)

                await self.change_something_else(stores)

                assert await raw.hget("grantd:{catalogue}:scopes", READ) == self.FOREIGN
                assert await raw.hget("grantd:{catalogue}:resources", INVOICES) == self.OLD
