from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import (
    CatalogueEntryExists,
    CatalogueEntryNotFound,
    Conflict,
    InvalidRegistration,
    InvalidScope,
    InvalidTarget,
)
from domain.model.administration import ADMIN_READ, ADMIN_WRITE, RESERVED
from domain.model.etags import Etag, etag_of
from domain.model.events import EventKind
from domain.model.identifiers import ResourceId
from domain.model.introspection import ActiveAccessToken
from domain.model.keys import SigningAlgorithm
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from domain.model.tokens import TokenFormat
from domain.usecases.administer_catalogue import AdministerCatalogue, ResourceChanges
from support.core import SALARIES, HandWiredCore, build_core, draft, refreshing
from support.domain_samples import HOUR, INVOICES, ISSUER, scope_definition

OTHER = ResourceId("https://other.example")
READ, PROFILE = ScopeToken("invoices.read"), ScopeToken("profile")
STALE = Etag("of another time")


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


@pytest.fixture
def administer(core: HandWiredCore) -> AdministerCatalogue:
    return core.administer_catalogue


async def test_what_is_added_is_known_at_once(
    core: HandWiredCore, administer: AdministerCatalogue
) -> None:
    before = (await administer.read()).version

    await administer.add_resource(Resource(resource_id=OTHER))
    await administer.add_scope(scope_definition("other.read", resource=OTHER))

    catalogue = await administer.read()
    assert OTHER in catalogue.resources
    assert catalogue.owners(Scope.parse("other.read profile unknown")) == {OTHER}
    assert catalogue.known(Scope.parse("other.read unknown")) == Scope.parse("other.read")
    assert catalogue.version > before
    assert [(event.kind, event.subject, event.change) for event in core.audit.events] == [
        (EventKind.CATALOGUE_CHANGED, f"resource {OTHER}", "added"),
        (EventKind.CATALOGUE_CHANGED, "scope other.read", "added"),
    ]


async def test_what_is_removed_is_unknown_at_once(
    core: HandWiredCore, administer: AdministerCatalogue
) -> None:
    for token in ("invoices.read", "invoices.write"):
        await administer.remove_scope(ScopeToken(token))
    await administer.remove_resource(INVOICES)

    catalogue = await administer.read()
    assert INVOICES not in catalogue.resources
    assert not catalogue.known(Scope.parse("invoices.read invoices.write"))
    last = core.audit.events[-1]
    assert (last.subject, last.change) == (f"resource {INVOICES}", "removed")


async def test_a_change_that_makes_no_sense_is_refused_and_not_recorded(
    core: HandWiredCore, administer: AdministerCatalogue
) -> None:
    eddsa = SigningAlgorithm.EDDSA

    with pytest.raises(CatalogueEntryExists):
        await administer.add_scope(scope_definition("profile"))
    with pytest.raises(CatalogueEntryExists):
        await administer.add_resource(Resource(resource_id=INVOICES))
    with pytest.raises(CatalogueEntryNotFound):
        await administer.add_scope(scope_definition("other.read", resource=OTHER))
    with pytest.raises(CatalogueEntryNotFound):
        await administer.update_scope(PROFILE, {"resource": OTHER})
    with pytest.raises(Conflict, match="owns scopes"):
        await administer.remove_resource(INVOICES)
    with pytest.raises(InvalidRegistration, match="no key"):
        await administer.add_resource(Resource(resource_id=OTHER, signing_algorithm=eddsa))
    with pytest.raises(InvalidRegistration, match="no key"):
        await administer.update_resource(INVOICES, {"signing_algorithm": eddsa})

    assert core.audit.events == []


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"access_token_ttl": timedelta()}, "a second or more"),
        ({"name": "n" * 201}, "200 characters"),
        ({"name": "red \x1b[31m"}, "printable"),
        ({"name": "right to left \N{RIGHT-TO-LEFT OVERRIDE}"}, "printable"),
        ({"name": "not UTF-8 \udcff"}, "printable"),
    ],
)
async def test_a_resource_that_could_not_be_used_or_shown_is_refused(
    administer: AdministerCatalogue, changes: ResourceChanges, hint: str
) -> None:
    """New or changed; what is there already may be disabled whatever it is like."""
    with pytest.raises(InvalidRegistration) as refused:
        await administer.add_resource(Resource(resource_id=OTHER, **changes))
    assert hint in refused.value.hint

    with pytest.raises(InvalidRegistration) as refused:
        await administer.update_resource(INVOICES, changes)
    assert hint in refused.value.hint


@pytest.mark.parametrize("description", ["d" * 1_001, "\x07", "\udcff"])
async def test_a_scope_that_could_not_be_shown_is_refused(
    administer: AdministerCatalogue, description: str
) -> None:
    with pytest.raises(InvalidRegistration):
        await administer.add_scope(
            ScopeDefinition(token=ScopeToken("other"), description=description)
        )
    with pytest.raises(InvalidRegistration):
        await administer.update_scope(PROFILE, {"description": description})


SCOPE_CHANGES = [
    pytest.param(lambda a, token, e: a.update_scope(token, {}, if_etag=e), id="update"),
    pytest.param(lambda a, token, e: a.disable_scope(token, if_etag=e), id="disable"),
    pytest.param(lambda a, token, e: a.enable_scope(token, if_etag=e), id="enable"),
    pytest.param(lambda a, token, e: a.remove_scope(token, if_etag=e), id="remove"),
]
RESOURCE_CHANGES = [
    pytest.param(lambda a, name, e: a.update_resource(name, {}, if_etag=e), id="update"),
    pytest.param(lambda a, name, e: a.disable_resource(name, if_etag=e), id="disable"),
    pytest.param(lambda a, name, e: a.enable_resource(name, if_etag=e), id="enable"),
    pytest.param(lambda a, name, e: a.remove_resource(name, if_etag=e), id="remove"),
]
ScopeChange = Callable[[AdministerCatalogue, ScopeToken, Etag | None], Awaitable[object]]
ResourceChange = Callable[[AdministerCatalogue, ResourceId, Etag | None], Awaitable[object]]


@pytest.mark.parametrize("change", SCOPE_CHANGES)
class TestEveryChangeOfAScope:
    async def test_needs_one_that_is_there(
        self, administer: AdministerCatalogue, change: ScopeChange
    ) -> None:
        with pytest.raises(CatalogueEntryNotFound):
            await change(administer, ScopeToken("nothing"), None)

    async def test_leaves_the_reserved_ones_alone(
        self, core: HandWiredCore, administer: AdministerCatalogue, change: ScopeChange
    ) -> None:
        for token in RESERVED:
            with pytest.raises(Conflict) as refusal:
                await change(administer, token, None)
            assert refusal.value.hint == f"{token} is built in"
        assert core.audit.events == []

    async def test_is_of_what_was_read_or_refused(
        self, administer: AdministerCatalogue, change: ScopeChange
    ) -> None:
        """Whoever names another etag is told the one it has."""
        seen = etag_of(await administer.show_scope(PROFILE))
        with pytest.raises(Conflict) as refusal:
            await change(administer, PROFILE, STALE)
        assert refusal.value.hint == f"somebody else changed profile: its etag is {seen} now"
        assert etag_of(await administer.show_scope(PROFILE)) == seen

        await change(administer, PROFILE, seen)


@pytest.mark.parametrize("change", RESOURCE_CHANGES)
class TestEveryChangeOfAResource:
    async def test_needs_one_that_is_there(
        self, administer: AdministerCatalogue, change: ResourceChange
    ) -> None:
        with pytest.raises(CatalogueEntryNotFound):
            await change(administer, OTHER, None)

    async def test_is_of_what_was_read_or_refused(
        self, administer: AdministerCatalogue, change: ResourceChange
    ) -> None:
        """Whoever names another etag is told the one it has."""
        await administer.add_resource(Resource(resource_id=OTHER))
        seen = etag_of(await administer.show_resource(OTHER))
        with pytest.raises(Conflict) as refusal:
            await change(administer, OTHER, STALE)
        assert seen in refusal.value.hint
        assert etag_of(await administer.show_resource(OTHER)) == seen

        await change(administer, OTHER, seen)


class TestUpdate:
    async def test_what_is_given_of_a_scope_changes_and_the_rest_stays(
        self, core: HandWiredCore, administer: AdministerCatalogue
    ) -> None:
        before = await administer.show_scope(READ)

        moved = await administer.update_scope(READ, {"resource": SALARIES})
        freed = await administer.update_scope(READ, {"resource": None, "description": "New"})

        assert moved == replace(before, resource=SALARIES)
        assert freed == replace(before, resource=None, description="New")
        assert await administer.show_scope(READ) == freed
        assert [(event.subject, event.change) for event in core.audit.events] == [
            ("scope invoices.read", "resource"),
            ("scope invoices.read", "description, resource"),
        ]

    async def test_what_is_given_of_a_resource_changes_and_the_rest_stays(
        self, core: HandWiredCore, administer: AdministerCatalogue
    ) -> None:
        named = await administer.update_resource(INVOICES, {"name": "Invoices"})
        formed = await administer.update_resource(
            INVOICES, {"token_format": TokenFormat.OPAQUE, "access_token_ttl": HOUR}
        )
        freed = await administer.update_resource(INVOICES, {"token_format": None})

        assert named == Resource(resource_id=INVOICES, name="Invoices")
        assert formed == replace(named, token_format=TokenFormat.OPAQUE, access_token_ttl=HOUR)
        assert freed == replace(formed, token_format=None)
        assert [event.change for event in core.audit.events] == [
            "name",
            "token_format, access_token_ttl",
            "token_format",
        ]

    async def test_a_change_of_nothing_is_none(
        self, core: HandWiredCore, administer: AdministerCatalogue
    ) -> None:
        """It is not recorded, and the version stays."""
        before = await administer.read()

        same = await administer.update_scope(READ, {"resource": INVOICES})

        assert same == before.scopes[READ]
        assert await administer.update_resource(INVOICES, {}) == before.resources[INVOICES]
        assert await administer.enable_scope(READ) == same
        assert (await administer.read()).version == before.version
        assert core.audit.events == []

    async def test_an_unknown_owner_that_stays_is_no_reason_to_refuse(
        self, administer: AdministerCatalogue
    ) -> None:
        """A disabled resource goes on owning its scopes, and takes new ones."""
        await administer.disable_resource(INVOICES)

        await administer.update_scope(READ, {"description": "New"})
        await administer.update_scope(PROFILE, {"resource": INVOICES})


class TestDisabledScope:
    async def test_is_as_if_unknown_to_whoever_asks_for_it(
        self, core: HandWiredCore, administer: AdministerCatalogue
    ) -> None:
        """Named it is refused; in a default it is left out."""
        both = Scope.parse("invoices.read profile")
        credentials = await core.register(draft(scope=both, default_scope=both))
        await administer.disable_scope(READ)

        with pytest.raises(InvalidScope) as refusal:
            await core.issue(credentials, scope="invoices.read profile")
        assert refusal.value.hint == "not granted: invoices.read"
        assert (await core.issue(credentials)).scope == Scope.parse("profile")

        await administer.enable_scope(READ)
        assert (await core.issue(credentials)).scope == both
        assert [event.change for event in core.audit.events if event.change] == [
            "disabled",
            "enabled",
        ]

    async def test_lives_on_in_what_was_issued_until_it_is_refreshed(
        self, core: HandWiredCore, administer: AdministerCatalogue
    ) -> None:
        """As after a deletion."""
        both = Scope.parse("invoices.read invoices.write")
        credentials = await core.register(refreshing(scope=both, default_scope=both))
        issued = await core.issue(credentials)

        await administer.disable_scope(READ)

        answer = await core.introspect(credentials, issued.access_token)
        assert isinstance(answer, ActiveAccessToken)
        assert answer.claims.scope == both
        refreshed = await core.refresh(credentials, issued.refresh_token)
        assert refreshed.scope == Scope.parse("invoices.write")

    async def test_may_be_a_new_clients(
        self, core: HandWiredCore, administer: AdministerCatalogue
    ) -> None:
        """It is known, and comes back when it is enabled."""
        await administer.disable_scope(READ)

        await core.register(draft(scope=Scope.parse("invoices.read")))


class TestDisabledResource:
    async def test_is_no_target_any_more(
        self, core: HandWiredCore, administer: AdministerCatalogue
    ) -> None:
        """Not by name, not by a scope of it, and not by default."""
        scope = Scope.parse("invoices.read profile")
        credentials = await core.register(
            draft(scope=scope, default_scope=Scope(), default_audience=INVOICES)
        )
        await administer.disable_resource(INVOICES)

        with pytest.raises(InvalidTarget):
            await core.issue(credentials, resources=[INVOICES])
        with pytest.raises(InvalidScope):
            await core.issue(credentials, scope="invoices.read")
        with pytest.raises(InvalidTarget):
            await core.issue(credentials, scope="profile")
        await core.issue(credentials, scope="profile", resources=[ISSUER])

        await administer.enable_resource(INVOICES)
        await core.issue(credentials, scope="profile")

    async def test_lives_on_in_what_was_issued_until_it_is_refreshed(
        self, core: HandWiredCore, administer: AdministerCatalogue
    ) -> None:
        """Whoever serves it may go on introspecting."""
        scope = Scope.parse("invoices.read")
        credentials = await core.register(refreshing(scope=scope, default_scope=scope))
        server = await core.register(draft("invoices", serves=frozenset({INVOICES})))
        issued = await core.issue(credentials)

        await administer.disable_resource(INVOICES)

        answer = await core.introspect(server, issued.access_token)
        assert isinstance(answer, ActiveAccessToken)
        with pytest.raises(InvalidTarget):
            await core.refresh(credentials, issued.refresh_token)
        await administer.enable_resource(INVOICES)
        await core.refresh(credentials, issued.refresh_token)


async def test_a_default_audience_that_was_removed_is_no_target_either(
    core: HandWiredCore, administer: AdministerCatalogue
) -> None:
    await administer.add_resource(Resource(resource_id=OTHER))
    credentials = await core.register(
        draft(scope=Scope(), default_scope=Scope(), default_audience=OTHER)
    )
    await core.issue(credentials)

    await administer.remove_resource(OTHER)

    with pytest.raises(InvalidTarget) as refusal:
        await core.issue(credentials)
    assert refusal.value.hint == OTHER


class TestReservedScopes:
    async def test_reserved_scopes_are_known_without_being_made(
        self, administer: AdministerCatalogue
    ) -> None:
        """A token with them is meant for this server itself."""
        for token in RESERVED:
            assert (await administer.show_scope(token)).resource == ISSUER
            with pytest.raises(CatalogueEntryExists):
                await administer.add_scope(ScopeDefinition(token=token))

    async def test_reserved_scopes_are_granted_to_who_is_registered_and_asks(
        self, core: HandWiredCore
    ) -> None:
        credentials = await core.register(draft(scope=RESERVED, default_scope=Scope()))

        issued = await core.issue(credentials, scope=ADMIN_READ)

        answer = await core.introspect(credentials, issued.access_token)
        assert isinstance(answer, ActiveAccessToken)
        assert answer.claims.audience == (ISSUER,)
        assert (await core.issue(credentials)).scope == Scope()

    async def test_reserved_scopes_are_not_mixed_with_those_of_a_resource(
        self, core: HandWiredCore
    ) -> None:
        """A token that administers goes to nobody else."""
        scope = (*RESERVED.values, READ)
        credentials = await core.register(draft(scope=Scope.of(scope), default_scope=Scope()))

        with pytest.raises(InvalidScope, match="several resources"):
            await core.issue(credentials, scope=f"{ADMIN_WRITE} {READ}")

    async def test_reserved_scopes_are_not_offered_to_everybody(
        self, administer: AdministerCatalogue
    ) -> None:
        """Nor is what is disabled."""
        await administer.disable_scope(PROFILE)
        await administer.disable_resource(INVOICES)

        assert (await administer.read()).offered == Scope.parse("salaries.read")


class TestPages:
    async def test_scopes_come_in_order_from_behind_a_name(
        self, administer: AdministerCatalogue
    ) -> None:
        every = [*RESERVED, "invoices.read", "invoices.write", "profile", "salaries.read"]

        async def page(after: str | None, limit: int) -> list[str]:
            behind = ScopeToken(after) if after is not None else None
            return [one.token for one in await administer.page_scopes(after=behind, limit=limit)]

        assert await page(None, 100) == every
        assert await page(None, 2) == every[:2]
        assert await page("invoices.read", 2) == every[3:5]
        assert await page("o", 100) == every[4:], "whether there is one of that name or not"
        assert await page("salaries.read", 100) == []

    async def test_resources_come_in_order_from_behind_a_name(
        self, administer: AdministerCatalogue
    ) -> None:
        async def page(after: ResourceId | None, limit: int) -> list[ResourceId]:
            found = await administer.page_resources(after=after, limit=limit)
            return [one.resource_id for one in found]

        assert await page(None, 100) == [INVOICES, SALARIES]
        assert await page(None, 1) == [INVOICES]
        assert await page(INVOICES, 100) == [SALARIES]
        assert await page(SALARIES, 100) == []
