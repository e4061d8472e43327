"""The catalogue: scopes, resources, keys and policy, under a version that every change raises."""

import sqlite3

from adapters.catalogue_entries import EntryChange, Kind, assemble, changes
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.gathering import Question
from domain.errors import Conflict
from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.model.keys import SealedKey
from domain.model.scopes import ScopeDefinition
from domain.ports.catalogue import CatalogueStore
from domain.ports.reading import Reading

_RAISE_VERSION = "UPDATE catalogue SET version = version + 1 WHERE version = ?"

# One statement reads one version.
_LOAD = """
    SELECT 'version' AS kind, version FROM catalogue
    UNION ALL SELECT 'scope', record FROM scopes
    UNION ALL SELECT 'resource', record FROM resources
    UNION ALL SELECT 'key', record FROM keys
    UNION ALL SELECT 'policy', record FROM policy
"""

_PUT = {
    "scope": "INSERT OR REPLACE INTO scopes (token, resource_id, record) VALUES (?, ?, ?)",
    "resource": "INSERT OR REPLACE INTO resources (resource_id, record) VALUES (?, ?)",
    "key": "INSERT OR REPLACE INTO keys (purpose, key_id, record) VALUES (?, ?, ?)",
    "policy": "INSERT OR REPLACE INTO policy (name, record) VALUES (?, ?)",
}
_DROP = {
    "scope": "DELETE FROM scopes WHERE token = ?",
    "resource": "DELETE FROM resources WHERE resource_id = ?",
    "key": "DELETE FROM keys WHERE purpose = ? AND key_id = ?",
    "policy": "DELETE FROM policy WHERE name = ?",
}


class SqliteCatalogueStore:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def version(self) -> Reading[CatalogueVersion]:
        return self._database.ask(_ASK_VERSION)

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:  # noqa: ARG002  (a load takes no turn of the event loop)
        records: dict[Kind, list[bytes]] = {"scope": [], "resource": [], "key": [], "policy": []}
        version = 0
        for kind, value in self._database.fetch(_LOAD):
            if kind == "version":
                version = value
            else:
                records[kind].append(value)
        return assemble(CatalogueVersion(version), records)

    async def replace(self, changed: StoredCatalogue, /, *, seen: StoredCatalogue) -> None:
        to_write = list(changes(seen, changed))

        def step(connection: sqlite3.Connection) -> None:
            if connection.execute(_RAISE_VERSION, (seen.version,)).rowcount == 0:
                raise Conflict(f"the catalogue is not of version {seen.version} any more")
            for change in to_write:
                if change.record is None:
                    connection.execute(_DROP[change.kind], _name(change))
                else:
                    row = (*_name(change), *_owner(change), change.record)
                    connection.execute(_PUT[change.kind], row)

        await self._database.write(step)

    async def confirm(self, seen: StoredCatalogue, /) -> None:
        if await self.version() != seen.version:  # what can be read is on the disk
            raise Conflict(f"the catalogue is not of version {seen.version} any more")


def _name(change: EntryChange) -> tuple[str, ...]:
    if isinstance(change.entry, SealedKey):
        return change.entry.purpose, change.entry.key_id
    return (change.name,)


def _owner(change: EntryChange) -> tuple[str | None, ...]:
    """Return who owns a scope, which the release before this one reads of its own column."""
    return (change.entry.resource,) if isinstance(change.entry, ScopeDefinition) else ()


def _read_version(version: int, _: object) -> CatalogueVersion:
    return CatalogueVersion(version)


_ASK_VERSION = Question("SELECT version FROM catalogue", _read_version)

_: type[CatalogueStore] = SqliteCatalogueStore
