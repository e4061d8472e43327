"""The catalogue in Redis: a hash for each kind and the version beside them, in one slot."""

import asyncio
from collections.abc import Sequence

from adapters.records import KEY, RESOURCE, SCOPE
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.gathering import Decoded, Value
from domain.errors import CatalogueEntryExists, CatalogueEntryNotFound, Conflict
from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.model.identifiers import ResourceId
from domain.model.keys import SealedKey
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.ports.catalogue import CatalogueReader, KeyStore, ResourceStore, ScopeStore
from domain.ports.reading import Reading


class RedisCatalogueReader:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._under_way: dict[CatalogueVersion, asyncio.Task[StoredCatalogue]] = {}

    def version(self) -> Reading[CatalogueVersion]:
        return Decoded(self._connection.get(keys.CATALOGUE_VERSION), _read_version)

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:
        if seen is None:
            return await self._load()
        shared = self._under_way.get(seen)
        if shared is None:
            shared = self._under_way[seen] = asyncio.create_task(self._load())
            shared.add_done_callback(lambda _: self._under_way.pop(seen))
        return await asyncio.shield(shared)

    async def _load(self) -> StoredCatalogue:
        version, scopes, resources, sealed = await self._connection.run(
            scripts.LOAD_CATALOGUE,
            keys=(
                keys.CATALOGUE_VERSION,
                keys.CATALOGUE_SCOPES,
                keys.CATALOGUE_RESOURCES,
                keys.CATALOGUE_KEYS,
            ),
        )
        return StoredCatalogue(
            version=_read_version(version),
            scopes=tuple(sorted(map(SCOPE.read, scopes), key=lambda known: known.token)),
            resources=tuple(
                sorted(map(RESOURCE.read, resources), key=lambda known: known.resource_id)
            ),
            keys=tuple(sorted(map(KEY.read, sealed), key=lambda key: (key.purpose, key.key_id))),
        )


class RedisScopeStore:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def add(self, definition: ScopeDefinition, /) -> None:
        outcome = await self._connection.run(
            scripts.ADD_SCOPE,
            keys=(
                keys.CATALOGUE_VERSION,
                keys.CATALOGUE_SCOPES,
                keys.CATALOGUE_RESOURCES,
                keys.receipt(keys.CATALOGUE_SCOPES),
            ),
            arguments=(definition.token, SCOPE.write(definition), definition.resource or ""),
        )
        if outcome == b"exists":
            raise CatalogueEntryExists(definition.token, hint=definition.token)
        if outcome == b"unowned":
            owner = definition.resource or ""
            raise CatalogueEntryNotFound(owner, hint=owner)

    async def remove(self, token: ScopeToken, /) -> bool:
        outcome = await self._connection.run(
            scripts.REMOVE_SCOPE,
            keys=(
                keys.CATALOGUE_VERSION,
                keys.CATALOGUE_SCOPES,
                keys.receipt(keys.CATALOGUE_SCOPES),
            ),
            arguments=(token,),
        )
        return bool(outcome == b"removed")


class RedisResourceStore:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def add(self, resource: Resource, /) -> None:
        outcome = await self._connection.run(
            scripts.ADD_RESOURCE,
            keys=(
                keys.CATALOGUE_VERSION,
                keys.CATALOGUE_RESOURCES,
                keys.receipt(keys.CATALOGUE_RESOURCES),
            ),
            arguments=(resource.resource_id, RESOURCE.write(resource)),
        )
        if outcome == b"exists":
            raise CatalogueEntryExists(resource.resource_id, hint=resource.resource_id)

    async def remove(self, resource_id: ResourceId, /) -> bool:
        outcome = await self._connection.run(
            scripts.REMOVE_RESOURCE,
            keys=(
                keys.CATALOGUE_VERSION,
                keys.CATALOGUE_SCOPES,
                keys.CATALOGUE_RESOURCES,
                keys.receipt(keys.CATALOGUE_RESOURCES),
            ),
            arguments=(resource_id,),
        )
        if outcome == b"owns-scopes":
            raise Conflict("it still owns scopes", hint=f"{resource_id} still owns scopes")
        return bool(outcome == b"removed")


class RedisKeyStore:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def establish(self, keys_to_add: Sequence[SealedKey], /) -> bool:
        outcome = await self._connection.run(
            scripts.ESTABLISH_KEYS,
            keys=(
                keys.CATALOGUE_VERSION,
                keys.CATALOGUE_KEYS,
                keys.receipt(keys.CATALOGUE_KEYS),
            ),
            arguments=[part for key in keys_to_add for part in (_field(key), KEY.write(key))],
        )
        return bool(outcome == b"established")


def _field(key: SealedKey) -> str:
    return f"{key.purpose}:{key.key_id}"


def _read_version(value: Value) -> CatalogueVersion:
    return CatalogueVersion(int(value or 0))


_reader: type[CatalogueReader] = RedisCatalogueReader
_scopes: type[ScopeStore] = RedisScopeStore
_resources: type[ResourceStore] = RedisResourceStore
_keys: type[KeyStore] = RedisKeyStore
