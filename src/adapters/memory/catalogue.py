"""The catalogue as one value, which changes as a whole."""

from dataclasses import replace

from domain.errors import Conflict
from domain.model.catalogue import EMPTY, CatalogueVersion, StoredCatalogue
from domain.ports.catalogue import CatalogueStore
from domain.ports.reading import Reading, Ready


class MemoryCatalogueStore:
    def __init__(self) -> None:
        self._current = StoredCatalogue(version=EMPTY)

    def version(self) -> Reading[CatalogueVersion]:
        return Ready(self._current.version)

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:  # noqa: ARG002  (a load takes no turn of the event loop)
        return self._current

    async def replace(self, changed: StoredCatalogue, /, *, seen: StoredCatalogue) -> None:
        if self._current.version != seen.version:
            raise Conflict(f"the catalogue is not of version {seen.version} any more")
        self._current = replace(
            changed,
            version=CatalogueVersion(seen.version + 1),
            scopes=tuple(sorted(changed.scopes, key=lambda scope: scope.token)),
            resources=tuple(sorted(changed.resources, key=lambda one: one.resource_id)),
            keys=tuple(sorted(changed.keys, key=lambda key: (key.purpose, key.key_id))),
        )

    async def confirm(self, seen: StoredCatalogue, /) -> None:
        if self._current.version != seen.version:
            raise Conflict(f"the catalogue is not of version {seen.version} any more")


_: type[CatalogueStore] = MemoryCatalogueStore
