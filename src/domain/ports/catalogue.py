from collections.abc import Sequence
from typing import Protocol

from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.model.identifiers import ResourceId
from domain.model.keys import SealedKey
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.ports.reading import Reading


class CatalogueReader(Protocol):
    """Where the catalogue is read: scopes, resources and keys under one version.

    Every change MUST raise the version in the same atomic step, whichever
    port it came through. An empty store has version 0.
    """

    def version(self) -> Reading[CatalogueVersion]:
        """Begin to read the version; whatever was acknowledged before MUST be seen."""
        ...

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:
        """Return everything as of one version, each kind in a fixed order.

        Args:
            seen: The version that the caller has just read. All who saw it may
                share one load, since a load begun after any of them saw it
                cannot be older.
        """
        ...


class ScopeStore(Protocol):
    async def add(self, definition: ScopeDefinition, /) -> None:
        """Add a scope.

        Raises:
            CatalogueEntryExists: If its token is known already.
            CatalogueEntryNotFound: If the resource that shall own it is not known.
        """
        ...

    async def remove(self, token: ScopeToken, /) -> bool:
        """Remove a scope and tell whether there was one."""
        ...


class ResourceStore(Protocol):
    async def add(self, resource: Resource, /) -> None:
        """Add a resource.

        Raises:
            CatalogueEntryExists: If its identifier is known already.
        """
        ...

    async def remove(self, resource_id: ResourceId, /) -> bool:
        """Remove a resource and tell whether there was one.

        Raises:
            Conflict: If it still owns scopes.
        """
        ...


class KeyStore(Protocol):
    """Where data keys live, sealed (D4). The store never sees one in the clear."""

    async def establish(self, keys: Sequence[SealedKey], /) -> bool:
        """Add the first keys, all or none, and tell whether there were none before.

        Of any number of callers at once exactly one MUST get True.
        """
        ...
