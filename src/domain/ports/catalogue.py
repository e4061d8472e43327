from typing import Protocol

from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.ports.reading import Reading


class CatalogueStore(Protocol):
    """Where the catalogue lives: scopes, resources, keys and policy under one version.

    Whoever changes it reads it whole, judges the change by what was read,
    and writes it on the condition that nobody was faster. So every rule about
    it stands in the core, and no store knows one. Data keys come sealed (D4):
    a store never sees one in the clear.
    """

    def version(self) -> Reading[CatalogueVersion]:
        """Begin to read the version; whatever was acknowledged before MUST be seen."""
        ...

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:
        """Return everything as of one version, each kind in a fixed order.

        An empty store has version 0.

        Args:
            seen: The version that the caller has just read. All who saw it may
                share one load, since a load begun after any of them saw it
                cannot be older.
        """
        ...

    async def replace(self, changed: StoredCatalogue, /, *, seen: StoredCatalogue) -> None:
        """Write what *changed* holds instead of *seen*, and raise the version, in one atomic step.

        Of any number of callers who saw the same version exactly one MUST
        succeed. What the two have in common is not written anew.

        Args:
            changed: Its own version is not looked at.

        Raises:
            Conflict: If the version is not that of *seen* any more.
        """
        ...

    async def confirm(self, seen: StoredCatalogue, /) -> None:
        """Return once what was seen is as lasting as a change that was acknowledged.

        What somebody was told had failed may be there, and is not known to last.

        Raises:
            Conflict: If the version is not that of *seen* any more.
        """
        ...
