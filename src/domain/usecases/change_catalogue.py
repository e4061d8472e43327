"""Changing the catalogue while others may be changing it too."""

from collections.abc import Callable
from dataclasses import dataclass

from domain.errors import Conflict
from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.ports.audit_trail import AuditTrail
from domain.ports.catalogue import CatalogueStore

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """What the catalogue was, and what was written in its place."""

    before: StoredCatalogue
    after: StoredCatalogue


class ChangeCatalogue:
    def __init__(self, store: CatalogueStore, *, audit: AuditTrail) -> None:
        self._store = store
        self._audit = audit

    async def __call__(
        self,
        change: Callable[[StoredCatalogue], StoredCatalogue],
        /,
        *,
        if_version: CatalogueVersion | None = None,
    ) -> CatalogueChange | None:
        """Replace the catalogue by what *change* makes of it, and return both.

        Nothing is written and None returned if nothing became different; that
        what is there lasts is made sure of all the same.

        Args:
            change: Judges and changes what it is given. It is called anew
                with the catalogue as it is by then if somebody else was
                faster, so it MUST have no effect of its own.

            if_version: The only version that may be changed.

        Raises:
            Conflict: If it is not of that version, or changes all the time.
        """
        for _ in range(_ATTEMPTS):
            before = await self._store.load()
            if if_version not in (None, before.version):
                raise Conflict(
                    f"the catalogue is not of version {if_version}",
                    hint="somebody else changed scopes, resources, keys or policy meanwhile",
                )
            after = change(before)
            try:
                if after == before:
                    await self._store.confirm(before)
                    return None
                await self._audit.require()
                await self._store.replace(after, seen=before)
            except Conflict:
                continue
            return CatalogueChange(before, after)
        raise Conflict(f"the catalogue was changed by others {_ATTEMPTS} times meanwhile")
