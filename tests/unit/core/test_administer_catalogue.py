import pytest

from domain.errors import (
    CatalogueEntryExists,
    CatalogueEntryNotFound,
    Conflict,
    InvalidRegistration,
)
from domain.model.events import EventKind
from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeToken
from support.core import HandWiredCore, build_core
from support.domain_samples import INVOICES, scope_definition

OTHER = ResourceId("https://other.example")


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


async def test_what_is_added_is_known_at_once(core: HandWiredCore) -> None:
    administer = core.administer_catalogue
    before = (await administer.read()).version

    await administer.add_resource(Resource(resource_id=OTHER))
    await administer.add_scope(scope_definition("other.read", resource=OTHER))

    catalogue = await administer.read()
    assert OTHER in catalogue.resources
    assert catalogue.owners(Scope.parse("other.read profile unknown")) == {OTHER}
    assert catalogue.known(Scope.parse("other.read unknown")) == Scope.parse("other.read")
    assert catalogue.version > before
    assert [(event.kind, event.subject) for event in core.audit.events] == [
        (EventKind.CATALOGUE_CHANGED, f"resource {OTHER} added"),
        (EventKind.CATALOGUE_CHANGED, "scope other.read added"),
    ]


async def test_what_is_removed_is_unknown_at_once(core: HandWiredCore) -> None:
    administer = core.administer_catalogue

    for token in ("invoices.read", "invoices.write"):
        await administer.remove_scope(ScopeToken(token))
    await administer.remove_resource(INVOICES)

    catalogue = await administer.read()
    assert INVOICES not in catalogue.resources
    assert not catalogue.known(Scope.parse("invoices.read invoices.write"))
    assert core.audit.events[-1].subject == f"resource {INVOICES} removed"


async def test_a_change_that_makes_no_sense_is_refused_and_not_recorded(
    core: HandWiredCore,
) -> None:
    administer = core.administer_catalogue
    eddsa = Resource(resource_id=OTHER, signing_algorithm=SigningAlgorithm.EDDSA)

    with pytest.raises(CatalogueEntryExists):
        await administer.add_scope(scope_definition("profile"))
    with pytest.raises(CatalogueEntryExists):
        await administer.add_resource(Resource(resource_id=INVOICES))
    with pytest.raises(CatalogueEntryNotFound):
        await administer.add_scope(scope_definition("other.read", resource=OTHER))
    with pytest.raises(CatalogueEntryNotFound):
        await administer.remove_scope(ScopeToken("other.read"))
    with pytest.raises(CatalogueEntryNotFound):
        await administer.remove_resource(OTHER)
    with pytest.raises(Conflict):
        await administer.remove_resource(INVOICES)
    with pytest.raises(InvalidRegistration, match="no key"):
        await administer.add_resource(eddsa)

    assert core.audit.events == []
