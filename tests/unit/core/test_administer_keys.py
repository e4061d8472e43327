"""What may be done with signing keys, what is refused, and what is told of it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import Conflict, KeyNotFound
from domain.model.clients import GrantType
from domain.model.events import EventKind
from domain.model.identifiers import ResourceId
from domain.model.introspection import INACTIVE
from domain.model.key_rotation import CLOCK_DIFFERENCE, REMOVAL_MARGIN
from domain.model.keys import (
    KeyId,
    KeySchedule,
    KeyState,
    SigningAlgorithm,
    SigningKey,
)
from domain.model.lifetimes import Lifetimes
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.usecases.administer_keys import KeyStanding
from support.core import ANNOUNCEMENT, POLICY, HandWiredCore, build_core, draft
from support.domain_samples import DAY, HOUR, NOW, SECOND
from support.stores import memory_stores

ES256, RS256, EDDSA = SigningAlgorithm.ES256, SigningAlgorithm.RS256, SigningAlgorithm.EDDSA


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


async def signing(core: HandWiredCore, algorithm: SigningAlgorithm = ES256) -> KeyStanding:
    """Return what signs now."""
    [one] = [
        key
        for key in await core.administer_keys.list_keys()
        if key.algorithm is algorithm and key.state is KeyState.ACTIVE
    ]
    return one


async def of(core: HandWiredCore, key_id: KeyId) -> KeyStanding:
    [one] = [key for key in await core.administer_keys.list_keys() if key.key_id == key_id]
    return one


def foreign_key(algorithm: SigningAlgorithm = ES256, name: str = "foreign") -> SigningKey:
    """Return a key made elsewhere."""
    return SigningKey(
        key_id=KeyId(name),
        algorithm=algorithm,
        schedule=KeySchedule(activate_at=NOW - DAY),
        material=b"made elsewhere",
    )


class TestRotate:
    async def test_announces_a_successor_and_plans_the_end_of_the_key_before(
        self, core: HandWiredCore
    ) -> None:
        """A day of announcement, and an hour as the longest life of a token."""
        old = await signing(core)

        successor = await core.administer_keys.rotate()

        assert (successor.algorithm, successor.state) == (ES256, KeyState.ANNOUNCED)
        assert successor.schedule == KeySchedule(activate_at=NOW + ANNOUNCEMENT)
        assert (await of(core, old.key_id)).schedule == replace(
            old.schedule,
            retire_at=NOW + ANNOUNCEMENT,
            remove_at=NOW + ANNOUNCEMENT + HOUR + REMOVAL_MARGIN,
        )
        assert (await signing(core)).key_id == old.key_id
        core.clock.advance(ANNOUNCEMENT)
        assert (await signing(core)).key_id == successor.key_id

    async def test_is_told_with_what_became_of_both_keys(self, core: HandWiredCore) -> None:
        old = await signing(core)

        successor = await core.administer_keys.rotate()

        [event] = core.audit.events
        assert (event.kind, event.subject) == (EventKind.KEY_ROTATED, successor.key_id)
        assert f"ES256 key {old.key_id} active from" in event.change
        assert f"ES256 key {successor.key_id} added, active from" in event.change

    async def test_is_refused_while_a_successor_waits(self, core: HandWiredCore) -> None:
        """And says which, and from when it signs."""
        successor = await core.administer_keys.rotate()

        with pytest.raises(Conflict) as refused:
            await core.administer_keys.rotate()

        when = (NOW + ANNOUNCEMENT).isoformat(timespec="seconds")
        assert refused.value.hint == (
            f"key {successor.key_id} is announced already and signs from {when}"
        )
        assert len(core.audit.events) == 1

    async def test_at_once_has_the_announced_key_sign(self, core: HandWiredCore) -> None:
        """No third key is made."""
        old = await signing(core)
        announced = await core.administer_keys.rotate()
        core.clock.advance(HOUR)

        hastened = await core.administer_keys.rotate(at_once=True)

        assert hastened.key_id == announced.key_id
        assert (await signing(core)).key_id == announced.key_id
        assert (await of(core, old.key_id)).state is KeyState.RETIRED
        assert core.audited() == [EventKind.KEY_ROTATED, EventKind.KEY_ROTATED]

    async def test_at_once_without_an_announced_key_makes_one(self, core: HandWiredCore) -> None:
        old = await signing(core)

        made = await core.administer_keys.rotate(at_once=True)

        assert made.key_id != old.key_id
        assert (await signing(core)).key_id == made.key_id

    async def test_gives_an_algorithm_its_first_key(self, core: HandWiredCore) -> None:
        """It is announced like any other, and the other algorithms do not notice."""
        before = await core.administer_keys.list_keys()

        first = await core.administer_keys.rotate(EDDSA)

        assert (first.algorithm, first.state) == (EDDSA, KeyState.ANNOUNCED)
        assert [key for key in await core.administer_keys.list_keys() if key != first] == before

    async def test_rotates_what_the_server_signs_with(self) -> None:
        """As the settings say, and as is declared over them."""
        core = await build_core(policy=replace(POLICY, signing_algorithm=RS256))
        assert (await core.administer_keys.rotate()).algorithm is RS256

        stored = await core.stores.catalogue.load()
        declared = replace(stored, policy=DeclaredPolicy(signing_algorithm=ES256))
        await core.stores.catalogue.replace(declared, seen=stored)
        assert (await core.administer_keys.rotate()).algorithm is ES256

    async def test_drops_what_is_gone_by_the_clock(self, core: HandWiredCore) -> None:
        """Keys do not pile up."""
        first = await signing(core)
        await core.administer_keys.rotate()
        core.clock.advance(ANNOUNCEMENT + HOUR + REMOVAL_MARGIN)
        core.audit.events.clear()

        await core.administer_keys.rotate()

        with pytest.raises(ValueError, match="not enough values"):
            await of(core, first.key_id)
        [event] = core.audit.events
        assert event.change.endswith(f"ES256 key {first.key_id} removed")

    async def test_of_ten_at_once_one_rotates(self) -> None:
        async with memory_stores() as stores:
            cores = [await build_core(stores=stores, scopes=(), resources=()) for _ in range(10)]

            outcomes = await asyncio.gather(
                *(core.administer_keys.rotate() for core in cores), return_exceptions=True
            )

        assert sum(isinstance(outcome, KeyStanding) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 9


class TestHowLongAKeyStaysPublished:
    """As long as the longest of its tokens may live."""

    @staticmethod
    async def planned(core: HandWiredCore) -> timedelta:
        old = await signing(core)
        await core.administer_keys.rotate()
        schedule = (await of(core, old.key_id)).schedule
        assert schedule.remove_at is not None
        assert schedule.retire_at is not None
        return schedule.remove_at - schedule.retire_at - REMOVAL_MARGIN

    async def test_by_a_resource_that_takes_longer_ones(self) -> None:
        books = Resource(resource_id=ResourceId("https://b.example"), access_token_ttl=2 * HOUR)
        core = await build_core(resources=[books], scopes=())

        assert await self.planned(core) == 2 * HOUR

    async def test_by_a_grant_that_gives_longer_ones(self) -> None:
        lifetimes = Lifetimes(by_grant={GrantType.REFRESH_TOKEN: 3 * HOUR})
        core = await build_core(policy=replace(POLICY, lifetimes=lifetimes))

        assert await self.planned(core) == 3 * HOUR

    async def test_by_a_client_that_gets_longer_ones(self, core: HandWiredCore) -> None:
        await core.register(draft("long", access_token_ttl=5 * HOUR))

        assert await self.planned(core) == 5 * HOUR

    async def test_by_the_server_if_it_sets_a_limit(self) -> None:
        """The shortest that is configured wins, so nothing is longer than the server's."""
        policy = replace(POLICY, lifetimes=Lifetimes(access_token_ttl=2 * HOUR))
        core = await build_core(policy=policy)
        await core.register(draft("long", access_token_ttl=5 * HOUR))

        assert await self.planned(core) == 2 * HOUR

    async def test_by_what_was_issued_before_a_lifetime_was_lowered(
        self, core: HandWiredCore
    ) -> None:
        """The key remembers, since nobody else does; its tokens live to their end."""
        credentials = await core.register(draft(access_token_ttl=3 * DAY))
        token = (await core.issue(credentials)).access_token
        await core.change_client("ledger", access_token_ttl=600 * SECOND)

        await core.administer_keys.rotate(at_once=True)

        core.clock.set(NOW + 3 * DAY - SECOND)
        assert await core.introspect(credentials, token) != INACTIVE

    async def test_is_noted_once_for_a_longer_life_and_never_for_the_usual_one(
        self, core: HandWiredCore
    ) -> None:
        """Issuing a JWT writes nothing (D1)."""
        usual = await core.register(draft())
        longer = await core.register(draft("longer", access_token_ttl=2 * HOUR))
        versions = [(await core.catalogue.read()).version]

        for credentials in (usual, longer, longer, usual):
            await core.issue(credentials)
            versions.append((await core.catalogue.read()).version)

        start = versions[0]
        assert versions == [start, start, start + 1, start + 1, start + 1]

    async def test_and_no_token_outlives_it(self, core: HandWiredCore) -> None:
        """A lifetime that is raised afterwards is cut."""
        credentials = await core.register(draft())
        await core.administer_keys.rotate()
        old = await signing(core)
        await core.change_client("ledger", access_token_ttl=30 * DAY)

        issued = await core.issue(credentials)

        assert old.schedule.remove_at is not None
        assert NOW + issued.expires_in == old.schedule.remove_at
        core.clock.set(old.schedule.remove_at - SECOND)
        assert await core.introspect(credentials, issued.access_token) != INACTIVE


class TestImport:
    async def test_announces_the_key_like_one_made_here(self, core: HandWiredCore) -> None:
        """Whatever schedule it came with."""
        imported = await core.administer_keys.import_key(foreign_key())

        assert imported.key_id == "foreign"
        assert imported.schedule == KeySchedule(activate_at=NOW + ANNOUNCEMENT)
        [event] = core.audit.events
        assert (event.kind, event.subject) == (EventKind.KEY_IMPORTED, "foreign")
        assert "made elsewhere" not in f"{event}"

    async def test_at_once_has_it_sign(self, core: HandWiredCore) -> None:
        await core.administer_keys.import_key(foreign_key(), at_once=True)

        credentials = await core.register(draft())
        issued = await core.issue(credentials)

        assert issued.access_token.startswith("foreign.")
        assert await core.introspect(credentials, issued.access_token) != INACTIVE

    async def test_the_same_key_twice_is_refused(self, core: HandWiredCore) -> None:
        await core.administer_keys.import_key(foreign_key(), at_once=True)

        with pytest.raises(Conflict, match="twice"):
            await core.administer_keys.import_key(foreign_key())

    async def test_beside_an_announced_key_is_refused(self, core: HandWiredCore) -> None:
        """Even at once: which of the two is meant to sign then."""
        await core.administer_keys.rotate()

        with pytest.raises(Conflict, match="announced already"):
            await core.administer_keys.import_key(foreign_key(), at_once=True)


class TestRetire:
    async def test_ends_signing_and_not_verifying(self, core: HandWiredCore) -> None:
        await core.administer_keys.rotate(EDDSA, at_once=True)
        key = await signing(core, EDDSA)

        retired = await core.administer_keys.retire(key.key_id)

        assert retired.state is KeyState.RETIRED
        assert retired.schedule.remove_at == NOW + HOUR + REMOVAL_MARGIN
        assert key.key_id in {one.jwk["kid"] for one in await core.administer_keys.public_keys()}
        assert core.audit.events[-1].kind is EventKind.KEY_RETIRED

    async def test_the_last_key_of_the_server_is_refused(self, core: HandWiredCore) -> None:
        """RS256 always counts (RFC 9068 §2.1)."""
        for algorithm in (ES256, RS256):
            with pytest.raises(Conflict) as refused:
                await core.administer_keys.retire((await signing(core, algorithm)).key_id)
            assert "the server would be without one: rotate first" in refused.value.hint

    async def test_while_a_successor_waits_the_refusal_says_until_when(
        self, core: HandWiredCore
    ) -> None:
        """Another rotation, as it advises otherwise, would be refused too."""
        key = await signing(core)
        successor = await core.administer_keys.rotate()

        with pytest.raises(Conflict) as refused:
            await core.administer_keys.retire(key.key_id)

        assert f"key {successor.key_id} is announced already and signs" in refused.value.hint
        assert "rotate first" not in refused.value.hint

    async def test_the_last_key_of_a_resource_or_a_client_is_refused_by_name(self) -> None:
        core = await build_core()
        key = await core.administer_keys.rotate(EDDSA, at_once=True)
        books = Resource(resource_id=ResourceId("https://b.example"), signing_algorithm=EDDSA)
        await core.administer_catalogue.add_resource(books)
        for name in ("a", "b", "c"):
            await core.register(draft(name, signing_algorithm=EDDSA))

        with pytest.raises(Conflict) as refused:
            await core.administer_keys.retire(key.key_id)

        named = "resource https://b.example, client a, client b and 1 more"
        assert named in refused.value.hint

    async def test_what_does_not_sign_cannot_be_retired(self, core: HandWiredCore) -> None:
        announced = await core.administer_keys.rotate()
        with pytest.raises(Conflict, match="not active yet"):
            await core.administer_keys.retire(announced.key_id)

        old = await signing(core)
        await core.administer_keys.rotate(at_once=True)
        with pytest.raises(Conflict, match="retired already"):
            await core.administer_keys.retire(old.key_id)
        with pytest.raises(KeyNotFound):
            await core.administer_keys.retire(KeyId("nobody"))


class TestRevoke:
    async def test_ends_every_token_of_the_key_at_once(self, core: HandWiredCore) -> None:
        """And issuing goes on by a new key, on nodes whose clock is behind too."""
        credentials = await core.register(draft())
        token = (await core.issue(credentials)).access_token
        revoked = await signing(core)

        signs = await core.administer_keys.revoke(revoked.key_id)

        assert await core.introspect(credentials, token) == INACTIVE
        assert signs is not None
        assert signs.key_id != revoked.key_id
        core.clock.advance(-CLOCK_DIFFERENCE)
        fresh = (await core.issue(credentials)).access_token
        assert fresh.startswith(f"{signs.key_id}.")
        assert await core.introspect(credentials, fresh) != INACTIVE
        assert core.audit.events[-2].kind is EventKind.KEY_REVOKED

    async def test_has_the_announced_key_sign_if_there_is_one(self, core: HandWiredCore) -> None:
        announced = await core.administer_keys.rotate()

        signs = await core.administer_keys.revoke((await signing(core)).key_id)

        assert signs is not None
        assert signs.key_id == announced.key_id
        assert (await signing(core)).key_id == announced.key_id

    async def test_takes_an_announced_key_back(self, core: HandWiredCore) -> None:
        """Its predecessor signs on without an end."""
        before = await core.administer_keys.list_keys()
        announced = await core.administer_keys.rotate()

        signs = await core.administer_keys.revoke(announced.key_id)

        after = await core.administer_keys.list_keys()
        assert [(one.key_id, one.state, one.schedule.retire_at) for one in after] == [
            (one.key_id, one.state, None) for one in before
        ]
        assert signs in after

    async def test_of_a_retired_key_changes_nothing_else(self, core: HandWiredCore) -> None:
        old = await signing(core)
        successor = await core.administer_keys.rotate(at_once=True)

        signs = await core.administer_keys.revoke(old.key_id)

        assert signs == successor
        with pytest.raises(KeyNotFound):
            await core.administer_keys.revoke(old.key_id)


class TestAKeyByFile:
    @pytest.fixture
    async def core(self) -> HandWiredCore:
        return await build_core(pinned=[foreign_key(name="pinned")])

    async def test_is_listed_as_such_and_signs(self, core: HandWiredCore) -> None:
        keys = await core.administer_keys.list_keys()

        assert [key.key_id for key in keys if key.pinned] == ["pinned"]
        assert (await signing(core)).key_id == "pinned"

    async def test_cannot_be_changed_or_succeeded(self, core: HandWiredCore) -> None:
        """No stored key would ever sign beside it."""
        administer = core.administer_keys
        for attempt in (
            administer.rotate(),
            administer.rotate(ES256, at_once=True),
            administer.import_key(foreign_key()),
            administer.retire(KeyId("pinned")),
            administer.revoke(KeyId("pinned")),
        ):
            with pytest.raises(Conflict) as refused:
                await attempt
            assert "signing_key_file" in refused.value.hint

    async def test_does_not_hinder_the_other_algorithms(self, core: HandWiredCore) -> None:
        """By hand and by the clock."""
        announced = await core.administer_keys.rotate(RS256)
        assert announced.state is KeyState.ANNOUNCED
        await core.administer_keys.revoke(announced.key_id)
        core.clock.advance(90 * DAY)

        [only] = await core.rotate_due_keys(90 * DAY)

        assert (await of(core, only)).algorithm is RS256

    async def test_keeps_what_was_announced_before_it_from_being_hastened(self) -> None:
        async with memory_stores() as stores:
            without = await build_core(stores=stores)
            await without.administer_keys.rotate()
            core = await build_core(stores=stores, pinned=[foreign_key()], scopes=(), resources=())

            with pytest.raises(Conflict, match="by file"):
                await core.administer_keys.rotate(at_once=True)

    async def test_is_published_once_if_the_store_has_it_too(self) -> None:
        """On the way from a file into the store both name it."""
        async with memory_stores() as stores:
            without = await build_core(stores=stores)
            await without.administer_keys.import_key(foreign_key(), at_once=True)
            core = await build_core(stores=stores, pinned=[foreign_key()], scopes=(), resources=())

            published = [key.jwk["kid"] for key in await core.administer_keys.public_keys()]

        assert published.count("foreign") == 1


class TestRotateDueKeys:
    async def test_rotates_every_key_in_time_and_none_twice(self, core: HandWiredCore) -> None:
        assert await core.rotate_due_keys(90 * DAY) == []
        core.clock.advance(89 * DAY)

        announced = await core.rotate_due_keys(90 * DAY)

        assert len(announced) == 2
        assert await core.rotate_due_keys(90 * DAY) == []
        assert core.audited() == [EventKind.KEY_ROTATED, EventKind.KEY_ROTATED]
        core.clock.advance(DAY)
        assert {(await signing(core, one)).key_id for one in (ES256, RS256)} == set(announced)

    async def test_nothing_is_made_of_an_algorithm_that_nobody_asked_for(
        self, core: HandWiredCore
    ) -> None:
        core.clock.advance(200 * DAY)

        await core.rotate_due_keys(90 * DAY)

        keys = await core.administer_keys.list_keys()
        assert {key.algorithm for key in keys} == {ES256, RS256}


async def test_public_keys_are_all_that_is_published_or_the_one_named(core: HandWiredCore) -> None:
    successor = await core.administer_keys.rotate()
    listed = {key.key_id for key in await core.administer_keys.list_keys()}

    assert {key.jwk["kid"] for key in await core.administer_keys.public_keys()} == listed
    [one] = await core.administer_keys.public_keys(successor.key_id)
    assert one.pem == f"the public half of {successor.key_id}"
    with pytest.raises(KeyNotFound):
        await core.administer_keys.public_keys(KeyId("nobody"))


async def test_each_resource_keeps_its_algorithm_through_rotations() -> None:
    """ES256, RS256 and EdDSA side by side."""
    resources = [
        Resource(resource_id=ResourceId(f"https://{algorithm.lower()}.example"))
        for algorithm in SigningAlgorithm
    ]
    core = await build_core(resources=resources, scopes=())
    await core.administer_keys.rotate(EDDSA, at_once=True)
    stored = await core.stores.catalogue.load()
    chosen = [
        replace(one, signing_algorithm=algorithm)
        for one, algorithm in zip(resources, SigningAlgorithm, strict=True)
    ]
    await core.stores.catalogue.replace(replace(stored, resources=tuple(chosen)), seen=stored)
    nothing = draft().scope - draft().scope
    credentials = await core.register(
        draft(
            scope=nothing,
            default_scope=nothing,
            audiences=frozenset(one.resource_id for one in chosen),
        )
    )

    for _ in range(2):
        for one, algorithm in zip(chosen, SigningAlgorithm, strict=True):
            issued = await core.issue(credentials, resources=[one.resource_id])
            signs = await signing(core, algorithm)
            assert issued.access_token.startswith(f"{signs.key_id}.")
            assert await core.introspect(credentials, issued.access_token) != INACTIVE
            await core.administer_keys.rotate(algorithm)
        core.clock.advance(ANNOUNCEMENT)
