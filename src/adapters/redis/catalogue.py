"""The catalogue in Redis: a hash for each kind and the version beside them, in one slot.

A version is some way above the one before, by chance: what Redis loses, by a
failover or without its disk, leaves its version to no other catalogue, which
whoever remembers the lost one would take for that.
"""

import asyncio
import secrets
from typing import Final

from adapters.catalogue_entries import Kind, assemble, changes
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.gathering import Value
from domain.errors import Conflict
from domain.model.catalogue import CatalogueVersion, StoredCatalogue
from domain.ports.catalogue import CatalogueStore
from domain.ports.reading import Reading

_HASHES: Final[dict[Kind, bytes]] = {
    "scope": keys.CATALOGUE_SCOPES,
    "resource": keys.CATALOGUE_RESOURCES,
    "key": keys.CATALOGUE_KEYS,
    "policy": keys.CATALOGUE_POLICY,
}

_LONGEST_WAY: Final = 1 << 30  # as many versions as that fit into the numbers of Redis


class RedisCatalogueStore:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._under_way: dict[CatalogueVersion, asyncio.Task[StoredCatalogue]] = {}

    def version(self) -> Reading[CatalogueVersion]:
        return self._connection.ask(keys.CATALOGUE_VERSION, _read_version)

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:
        if seen is None:
            return await self._load()
        shared = self._under_way.get(seen)
        if shared is None:
            shared = self._under_way[seen] = asyncio.create_task(self._load())
            shared.add_done_callback(lambda _: self._under_way.pop(seen))
        return await asyncio.shield(shared)

    async def replace(self, changed: StoredCatalogue, /, *, seen: StoredCatalogue) -> None:
        places = {kind: place for place, kind in enumerate(_HASHES, 3)}
        steps = [
            word
            for change in changes(seen, changed)
            for word in (places[change.kind], change.name, change.record or b"")
        ]
        outcome = await self._connection.run(
            scripts.REPLACE_CATALOGUE,
            keys=(
                keys.CATALOGUE_VERSION,
                keys.receipt(keys.CATALOGUE_VERSION),
                *_HASHES.values(),
            ),
            arguments=(seen.version, seen.version + 1 + secrets.randbelow(_LONGEST_WAY), *steps),
        )
        if outcome != b"replaced":
            raise Conflict(f"the catalogue is not of version {seen.version} any more")

    async def confirm(self, seen: StoredCatalogue, /) -> None:
        version = await self._connection.command("GET", keys.CATALOGUE_VERSION, must_last=True)
        if _read_version(version) != seen.version:
            raise Conflict(f"the catalogue is not of version {seen.version} any more")

    async def _load(self) -> StoredCatalogue:
        version, *records = await self._connection.run(
            scripts.LOAD_CATALOGUE, keys=(keys.CATALOGUE_VERSION, *_HASHES.values())
        )
        return assemble(_read_version(version), dict(zip(_HASHES, records, strict=True)))


def _read_version(value: Value, _: object = None) -> CatalogueVersion:
    return CatalogueVersion(int(value or 0))


_: type[CatalogueStore] = RedisCatalogueStore
