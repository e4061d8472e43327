"""The catalogue as entries of a kind and a name, the form in which stores keep it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from adapters.records import KEY, POLICY, RESOURCE, SCOPE
from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.model.keys import SealedKey
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition

Kind = Literal["scope", "resource", "key", "policy"]
Entry = ScopeDefinition | Resource | SealedKey | DeclaredPolicy

_POLICY_NAME: Final = "server"


@dataclass(frozen=True, slots=True)
class EntryChange:
    """An entry to be written, or to be removed if it has no record."""

    kind: Kind
    name: str
    entry: Entry
    record: bytes | None


def changes(before: StoredCatalogue, after: StoredCatalogue) -> Iterator[EntryChange]:
    """Yield what has to be written to come from *before* to *after*."""
    was, now = _entries(before), _entries(after)
    for (kind, name), entry in now.items():
        if was.get((kind, name)) != entry:
            yield EntryChange(kind, name, entry, _write(entry))
    for (kind, name), entry in was.items():
        if (kind, name) not in now:
            yield EntryChange(kind, name, entry, None)


def assemble(version: CatalogueVersion, records: Mapping[Kind, list[bytes]]) -> StoredCatalogue:
    """Read a catalogue of its entries' records, whatever order they come in."""
    policies = [POLICY.read(record) for record in records["policy"]]
    return StoredCatalogue(
        version=version,
        scopes=tuple(sorted(map(SCOPE.read, records["scope"]), key=lambda scope: scope.token)),
        resources=tuple(
            sorted(map(RESOURCE.read, records["resource"]), key=lambda one: one.resource_id)
        ),
        keys=tuple(
            sorted(map(KEY.read, records["key"]), key=lambda key: (key.purpose, key.key_id))
        ),
        policy=policies[0] if policies else DeclaredPolicy(),
    )


def _entries(catalogue: StoredCatalogue) -> dict[tuple[Kind, str], Entry]:
    entries: dict[tuple[Kind, str], Entry] = {}
    entries.update({("scope", scope.token): scope for scope in catalogue.scopes})
    entries.update({("resource", one.resource_id): one for one in catalogue.resources})
    entries.update({("key", f"{key.purpose}:{key.key_id}"): key for key in catalogue.keys})
    if catalogue.policy != DeclaredPolicy():
        entries["policy", _POLICY_NAME] = catalogue.policy
    return entries


def _write(entry: Entry) -> bytes:
    match entry:
        case ScopeDefinition():
            return SCOPE.write(entry)
        case Resource():
            return RESOURCE.write(entry)
        case SealedKey():
            return KEY.write(entry)
        case DeclaredPolicy():
            return POLICY.write(entry)
