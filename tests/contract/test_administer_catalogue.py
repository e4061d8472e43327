"""The rules about scopes and resources hold in every store, whoever else changes it meanwhile."""

import asyncio

import pytest

from domain.errors import CatalogueEntryExists, CatalogueEntryNotFound, Conflict
from domain.model.etags import etag_of
from domain.model.identifiers import ResourceId
from domain.model.resources import Resource
from domain.model.scopes import ScopeToken
from domain.usecases.administer_catalogue import AdministerCatalogue
from support.core import build_core
from support.domain_samples import INVOICES, resource, scope_definition
from support.stores import Stores

READ = ScopeToken("invoices.read")


@pytest.fixture
async def administer(stores: Stores) -> AdministerCatalogue:
    """An administrator of an empty catalogue."""
    return (await build_core(stores=stores, scopes=(), resources=())).administer_catalogue


@pytest.fixture
async def colleague(administer: AdministerCatalogue, another: Stores) -> AdministerCatalogue:
    """Another one, in a process of their own, which finds the keys there."""
    return (await build_core(stores=another, scopes=(), resources=())).administer_catalogue


async def test_of_racing_callers_one_adds_a_scope(
    administer: AdministerCatalogue, colleague: AdministerCatalogue
) -> None:
    """However many add one token at once, one of them does and the rest are told."""
    turns = (administer, colleague)

    outcomes = await asyncio.gather(
        *(turns[n % 2].add_scope(scope_definition(READ)) for n in range(12)),
        return_exceptions=True,
    )

    assert outcomes.count(None) == 1
    assert [type(told) for told in outcomes].count(CatalogueEntryExists) == 11


async def test_of_racing_callers_one_adds_a_resource(
    administer: AdministerCatalogue, colleague: AdministerCatalogue
) -> None:
    """However many add one resource at once, one of them does and the rest are told."""
    turns = (administer, colleague)

    outcomes = await asyncio.gather(
        *(turns[n % 2].add_resource(resource()) for n in range(12)), return_exceptions=True
    )

    assert outcomes.count(None) == 1
    assert [type(told) for told in outcomes].count(CatalogueEntryExists) == 11


async def test_of_racing_callers_one_removes_a_resource(
    administer: AdministerCatalogue, colleague: AdministerCatalogue
) -> None:
    """Whoever comes after finds nothing."""
    await administer.add_resource(resource())
    turns = (administer, colleague)

    outcomes = await asyncio.gather(
        *(turns[n % 2].remove_resource(INVOICES) for n in range(12)), return_exceptions=True
    )

    assert outcomes.count(None) == 1
    assert [type(told) for told in outcomes].count(CatalogueEntryNotFound) == 11


@pytest.mark.parametrize("removes_first", [True, False])
async def test_no_scope_outlives_its_resource_in_a_race(
    administer: AdministerCatalogue, colleague: AdministerCatalogue, *, removes_first: bool
) -> None:
    """Of adding a scope and removing its resource at once, one is refused."""
    for n in range(8):
        name, token = ResourceId(f"https://{n}.example"), ScopeToken(f"s{n}")
        await administer.add_resource(Resource(resource_id=name))
        removing = colleague.remove_resource(name)
        adding = administer.add_scope(scope_definition(token, resource=name))

        outcomes = await asyncio.gather(
            *((removing, adding) if removes_first else (adding, removing)),
            return_exceptions=True,
        )

        catalogue = await administer.read()
        assert (token in catalogue.scopes) is (name in catalogue.resources)
        refusal = Conflict if token in catalogue.scopes else CatalogueEntryNotFound
        assert [type(told) for told in outcomes].count(refusal) == 1


async def test_of_racing_changes_of_what_was_read_one_is_made(
    administer: AdministerCatalogue, colleague: AdministerCatalogue
) -> None:
    """Whoever names the etag overwrites nobody; whoever names none is merely later."""
    await administer.add_scope(scope_definition(READ))
    etag = etag_of(await administer.show_scope(READ))
    turns = (administer, colleague)

    outcomes = await asyncio.gather(
        *(
            turns[n % 2].update_scope(READ, {"description": f"by {n}"}, if_etag=etag)
            for n in range(8)
        ),
        return_exceptions=True,
    )

    [made] = [outcome for outcome in outcomes if not isinstance(outcome, Conflict)]
    assert await colleague.show_scope(READ) == made
    await asyncio.gather(administer.disable_scope(READ), colleague.update_scope(READ, {}))
    assert (await administer.show_scope(READ)).disabled
