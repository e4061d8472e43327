"""The catalogue: scopes, resources and keys, under a version that every change raises."""

import sqlite3
from collections.abc import Sequence

from adapters.records import KEY, RESOURCE, SCOPE
from adapters.sqlite.connection import SqliteDatabase
from domain.errors import CatalogueEntryExists, CatalogueEntryNotFound, Conflict
from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.model.identifiers import ResourceId
from domain.model.keys import SealedKey
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.ports.catalogue import CatalogueReader, KeyStore, ResourceStore, ScopeStore
from domain.ports.reading import Reading, Ready

_VERSION = "SELECT version FROM catalogue"
_RAISE_VERSION = "UPDATE catalogue SET version = version + 1"

# One statement reads one version.
_LOAD = """
    SELECT 'version' AS kind, '' AS name, version FROM catalogue
    UNION ALL SELECT 'scope', token, record FROM scopes
    UNION ALL SELECT 'resource', resource_id, record FROM resources
    UNION ALL SELECT 'key', purpose || ' ' || key_id, record FROM keys
    ORDER BY kind, name
"""

_FIND_SCOPE = "SELECT 1 FROM scopes WHERE token = ?"
_ADD_SCOPE = "INSERT INTO scopes (token, resource_id, record) VALUES (?, ?, ?)"
_REMOVE_SCOPE = "DELETE FROM scopes WHERE token = ?"
_OWNED_SCOPE = "SELECT 1 FROM scopes WHERE resource_id = ?"
_FIND_RESOURCE = "SELECT 1 FROM resources WHERE resource_id = ?"
_ADD_RESOURCE = "INSERT INTO resources (resource_id, record) VALUES (?, ?)"
_REMOVE_RESOURCE = "DELETE FROM resources WHERE resource_id = ?"
_ANY_KEY = "SELECT 1 FROM keys"
_ADD_KEY = "INSERT INTO keys (purpose, key_id, record) VALUES (?, ?, ?)"


class SqliteCatalogueReader:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def version(self) -> Reading[CatalogueVersion]:
        ((version,),) = self._database.fetch(_VERSION)
        return Ready(CatalogueVersion(version))

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:  # noqa: ARG002  (a load takes no turn of the event loop)
        stored: dict[str, list[bytes]] = {"version": [], "scope": [], "resource": [], "key": []}
        for kind, _name, value in self._database.fetch(_LOAD):
            stored[kind].append(value)
        (version,) = stored["version"]
        return StoredCatalogue(
            version=CatalogueVersion(int(version)),
            scopes=tuple(map(SCOPE.read, stored["scope"])),
            resources=tuple(map(RESOURCE.read, stored["resource"])),
            keys=tuple(map(KEY.read, stored["key"])),
        )


class SqliteScopeStore:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, definition: ScopeDefinition, /) -> None:
        token, resource_id = definition.token, definition.resource

        def step(connection: sqlite3.Connection) -> None:
            if _exists(connection, _FIND_SCOPE, token):
                raise CatalogueEntryExists(token, hint=token)
            if resource_id is not None and not _exists(connection, _FIND_RESOURCE, resource_id):
                raise CatalogueEntryNotFound(resource_id, hint=resource_id)
            connection.execute(_ADD_SCOPE, (token, resource_id, SCOPE.write(definition)))
            connection.execute(_RAISE_VERSION)

        await self._database.write(step)

    async def remove(self, token: ScopeToken, /) -> bool:
        def step(connection: sqlite3.Connection) -> bool:
            return _remove(connection, _REMOVE_SCOPE, token)

        return await self._database.write(step)


class SqliteResourceStore:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def add(self, resource: Resource, /) -> None:
        resource_id = resource.resource_id

        def step(connection: sqlite3.Connection) -> None:
            if _exists(connection, _FIND_RESOURCE, resource_id):
                raise CatalogueEntryExists(resource_id, hint=resource_id)
            connection.execute(_ADD_RESOURCE, (resource_id, RESOURCE.write(resource)))
            connection.execute(_RAISE_VERSION)

        await self._database.write(step)

    async def remove(self, resource_id: ResourceId, /) -> bool:
        def step(connection: sqlite3.Connection) -> bool:
            if _exists(connection, _OWNED_SCOPE, resource_id):
                raise Conflict("it still owns scopes", hint=f"{resource_id} still owns scopes")
            return _remove(connection, _REMOVE_RESOURCE, resource_id)

        return await self._database.write(step)


class SqliteKeyStore:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def establish(self, keys: Sequence[SealedKey], /) -> bool:
        rows = [(key.purpose, key.key_id, KEY.write(key)) for key in keys]

        def step(connection: sqlite3.Connection) -> bool:
            if connection.execute(_ANY_KEY).fetchone():
                return False
            connection.executemany(_ADD_KEY, rows)
            connection.execute(_RAISE_VERSION)
            return True

        return await self._database.write(step)


def _exists(connection: sqlite3.Connection, statement: str, name: str) -> bool:
    return connection.execute(statement, (name,)).fetchone() is not None


def _remove(connection: sqlite3.Connection, statement: str, name: str) -> bool:
    if connection.execute(statement, (name,)).rowcount == 0:
        return False
    connection.execute(_RAISE_VERSION)
    return True


_reader: type[CatalogueReader] = SqliteCatalogueReader
_scopes: type[ScopeStore] = SqliteScopeStore
_resources: type[ResourceStore] = SqliteResourceStore
_keys: type[KeyStore] = SqliteKeyStore
