"""The four catalogue ports over one value, which changes as a whole."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.errors import CatalogueEntryExists, CatalogueEntryNotFound, Conflict
from domain.model.catalogue import EMPTY, CatalogueVersion, StoredCatalogue
from domain.model.identifiers import ResourceId
from domain.model.keys import SealedKey
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.ports.catalogue import CatalogueReader, KeyStore, ResourceStore, ScopeStore
from domain.ports.reading import Reading, Ready


class MemoryCatalogueState:
    """What the stores of one catalogue share."""

    def __init__(self) -> None:
        self.current = StoredCatalogue(version=EMPTY)

    def keep_scopes(self, scopes: Iterable[ScopeDefinition]) -> None:
        ordered = tuple(sorted(scopes, key=lambda scope: scope.token))
        self.current = replace(self.current, version=self._next_version, scopes=ordered)

    def keep_resources(self, resources: Iterable[Resource]) -> None:
        ordered = tuple(sorted(resources, key=lambda resource: resource.resource_id))
        self.current = replace(self.current, version=self._next_version, resources=ordered)

    def keep_keys(self, keys: Iterable[SealedKey]) -> None:
        ordered = tuple(sorted(keys, key=lambda key: (key.purpose, key.key_id)))
        self.current = replace(self.current, version=self._next_version, keys=ordered)

    @property
    def _next_version(self) -> CatalogueVersion:
        return CatalogueVersion(self.current.version + 1)


class MemoryCatalogueReader:
    def __init__(self, state: MemoryCatalogueState) -> None:
        self._state = state

    def version(self) -> Reading[CatalogueVersion]:
        return Ready(self._state.current.version)

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:  # noqa: ARG002  (a load takes no turn of the event loop)
        return self._state.current


class MemoryScopeStore:
    def __init__(self, state: MemoryCatalogueState) -> None:
        self._state = state

    async def add(self, definition: ScopeDefinition, /) -> None:
        catalogue = self._state.current
        if any(known.token == definition.token for known in catalogue.scopes):
            raise CatalogueEntryExists(definition.token, hint=definition.token)
        owner = definition.resource
        if owner is not None and all(known.resource_id != owner for known in catalogue.resources):
            raise CatalogueEntryNotFound(owner, hint=owner)
        self._state.keep_scopes((*catalogue.scopes, definition))

    async def remove(self, token: ScopeToken, /) -> bool:
        known = self._state.current.scopes
        kept = [scope for scope in known if scope.token != token]
        if len(kept) == len(known):
            return False
        self._state.keep_scopes(kept)
        return True


class MemoryResourceStore:
    def __init__(self, state: MemoryCatalogueState) -> None:
        self._state = state

    async def add(self, resource: Resource, /) -> None:
        known = self._state.current.resources
        if any(one.resource_id == resource.resource_id for one in known):
            raise CatalogueEntryExists(resource.resource_id, hint=resource.resource_id)
        self._state.keep_resources((*known, resource))

    async def remove(self, resource_id: ResourceId, /) -> bool:
        catalogue = self._state.current
        if any(scope.resource == resource_id for scope in catalogue.scopes):
            raise Conflict("it still owns scopes", hint=f"{resource_id} still owns scopes")
        kept = [one for one in catalogue.resources if one.resource_id != resource_id]
        if len(kept) == len(catalogue.resources):
            return False
        self._state.keep_resources(kept)
        return True


class MemoryKeyStore:
    def __init__(self, state: MemoryCatalogueState) -> None:
        self._state = state

    async def establish(self, keys: Sequence[SealedKey], /) -> bool:
        if self._state.current.keys:
            return False
        self._state.keep_keys(keys)
        return True


_reader: type[CatalogueReader] = MemoryCatalogueReader
_scopes: type[ScopeStore] = MemoryScopeStore
_resources: type[ResourceStore] = MemoryResourceStore
_keys: type[KeyStore] = MemoryKeyStore
