from dataclasses import replace
from random import Random

from adapters.catalogue_entries import Kind, assemble, changes
from domain.model.catalogue import EMPTY, CatalogueVersion, StoredCatalogue
from domain.model.policy import DeclaredPolicy
from domain.model.scopes import ScopeDefinition
from support.domain_samples import INVOICES, resource, scope_definition, sealed_keys

FULL = StoredCatalogue(
    version=CatalogueVersion(7),
    scopes=(scope_definition("a", resource=INVOICES), scope_definition("b")),
    resources=(resource(INVOICES), resource("https://other.example")),
    keys=tuple(sorted(sealed_keys(), key=lambda key: (key.purpose, key.key_id))),
    policy=DeclaredPolicy(require_scope=True),
)


def written(before: StoredCatalogue, after: StoredCatalogue) -> list[tuple[str, str, bool]]:
    """Return kind and name of each change, and whether it is a removal."""
    return [(change.kind, change.name, change.record is None) for change in changes(before, after)]


def test_from_nothing_every_entry_is_written() -> None:
    first, second, third = FULL.keys

    assert sorted(written(StoredCatalogue(version=EMPTY), FULL)) == sorted(
        [
            *(("scope", "a", False), ("scope", "b", False)),
            *(("resource", INVOICES, False), ("resource", "https://other.example", False)),
            *(("key", f"{key.purpose}:{key.key_id}", False) for key in (first, second, third)),
            ("policy", "server", False),
        ]
    )


def test_to_nothing_every_entry_is_removed() -> None:
    removed = written(FULL, StoredCatalogue(version=EMPTY))

    assert len(removed) == 8
    assert all(is_removal for _, _, is_removal in removed)


def test_what_is_the_same_is_left_alone() -> None:
    """Its version and its order are no change either."""
    assert written(FULL, replace(FULL, version=EMPTY, scopes=FULL.scopes[::-1])) == []


def test_only_what_differs_is_written() -> None:
    changed = ScopeDefinition(token=FULL.scopes[0].token, description="new")

    after = replace(FULL, scopes=(changed,), policy=DeclaredPolicy())

    assert written(FULL, after) == [
        ("scope", "a", False),
        ("scope", "b", True),
        ("policy", "server", True),
    ]


def test_a_scope_may_be_named_as_a_resource_is() -> None:
    """A name is of its kind."""
    namesake = replace(FULL, scopes=(*FULL.scopes, scope_definition(INVOICES)))

    assert written(FULL, namesake) == [("scope", INVOICES, False)]


def test_a_catalogue_is_assembled_of_records_in_any_order() -> None:
    records: dict[Kind, list[bytes]] = {"scope": [], "resource": [], "key": [], "policy": []}
    for change in changes(StoredCatalogue(version=EMPTY), FULL):
        assert change.record is not None
        records[change.kind].append(change.record)
    for kind in records.values():
        Random(1).shuffle(kind)

    assert assemble(CatalogueVersion(7), records) == FULL


def test_nothing_is_assembled_of_nothing() -> None:
    empty: dict[Kind, list[bytes]] = {"scope": [], "resource": [], "key": [], "policy": []}

    assert assemble(EMPTY, empty) == StoredCatalogue(version=EMPTY)
