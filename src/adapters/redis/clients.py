"""Clients in Redis.

A client is one string, `version|birth|record`. Its *birth* is a mark drawn
for each `add`, and its *entry* is its id and its birth. Names and the index
hold entries, so that what is left of one client is never taken for another.

Adding takes three steps, because they touch three slots: the owner's name is
claimed beside the client that would bear it, the entry is put into the index,
the client is written. Removing takes them backwards. Who is stopped halfway
leaves no more than an index entry without a client, which paging passes over,
and a name that stays taken.
"""

from collections.abc import Sequence
from typing import Final

from adapters.records import CLIENT, Remembered
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.marks import new_mark
from domain.errors import ClientExists, ClientNotFound, Conflict
from domain.model.clients import Client
from domain.model.identifiers import ClientId
from domain.ports.clients import ClientStore
from domain.ports.reading import Reading

_AFTER_ID: Final = b"\0"  # below every character of an id, so that entries sort as ids do
_BEHIND_ENTRIES: Final = b"\1"


class RedisClientStore:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    def find(self, client_id: ClientId, /) -> Reading[Client | None]:
        return self._connection.ask(keys.client(client_id), _read, client_id)

    async def add(self, client: Client, /) -> None:
        birth = new_mark()
        entry = _entry(client.client_id, birth)
        await self._claim_owner(client, entry)
        await self._connection.command("ZADD", keys.CLIENT_INDEX, 0, entry, must_last=True)
        key = keys.client(client.client_id)
        outcome = await self._connection.run(
            scripts.ADD_CLIENT,
            keys=(key, keys.owner(client.client_id), keys.receipt(key)),
            arguments=(b"%d|%s|%s" % (client.version, birth, CLIENT.write(client)),),
        )
        if outcome != b"added":
            await self._forget(client, entry)
            raise ClientExists(client.client_id, hint=client.client_id)

    async def replace(self, client: Client, /, *, seen: int) -> None:
        key = keys.client(client.client_id)
        outcome = await self._connection.run(
            scripts.REPLACE_CLIENT,
            keys=(key, keys.receipt(key)),
            arguments=(seen, client.version, CLIENT.write(client)),
        )
        if outcome == b"absent":
            raise ClientNotFound(client.client_id, hint=client.client_id)
        if outcome != b"replaced":
            raise Conflict(f"its version is not {seen}")

    async def confirm(self, client: Client, /) -> None:
        kept = await self._connection.command("GET", keys.client(client.client_id), must_last=True)
        if _read(kept, client.client_id) != client:
            raise Conflict(f"{client.client_id} is not what it was any more")

    async def remove(self, client_id: ClientId, /) -> bool:
        key = keys.client(client_id)
        found = await self._connection.get(key)
        _, birth, record = found.split(b"|", 2) if found is not None else (b"", b"", b"")
        outcome = await self._connection.run(
            scripts.REMOVE_CLIENT,
            keys=(key, keys.usage(client_id), keys.receipt(key)),
            arguments=(birth,),
        )
        if outcome != b"removed":
            return False
        await self._forget(CLIENT.read(record), _entry(client_id, birth))
        return True

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]:
        behind = b"-" if after is None else b"(" + after.encode() + _BEHIND_ENTRIES
        clients: list[Client] = []
        while len(clients) < limit:
            entries: list[bytes] = await self._connection.command(
                "ZRANGEBYLEX", keys.CLIENT_INDEX, behind, "+", "LIMIT", 0, limit
            )
            clients += await self._born_as(entries)
            if len(entries) < limit:
                break
            behind = b"(" + entries[-1]
        return clients[:limit]

    async def _born_as(self, entries: Sequence[bytes]) -> list[Client]:
        split = [entry.split(_AFTER_ID) for entry in entries]
        readings = [
            self._connection.get(keys.client(ClientId(client_id.decode())))
            for client_id, _ in split
        ]
        found = [await reading for reading in readings]
        return [
            CLIENT.read(record)
            for (_, birth), value in zip(split, found, strict=True)
            if value is not None
            for _, kept_birth, record in (value.split(b"|", 2),)
            if kept_birth == birth
        ]

    async def _claim_owner(self, client: Client, entry: bytes) -> None:
        if client.owner is None:
            return
        outcome = await self._connection.run(
            scripts.CLAIM_NAME,
            keys=(keys.owner(client.owner), keys.client(client.owner)),
            arguments=(entry,),
        )
        if outcome != b"claimed":
            raise ClientExists(client.client_id, hint=client.client_id)

    async def _forget(self, client: Client, entry: bytes) -> None:
        await self._connection.command("ZREM", keys.CLIENT_INDEX, entry)
        if client.owner is not None:
            await self._connection.command("SREM", keys.owner(client.owner), entry)


def _entry(client_id: ClientId, birth: bytes) -> bytes:
    return client_id.encode() + _AFTER_ID + birth


def _parse(value: bytes) -> Client:
    _, _, record = value.split(b"|", 2)
    return CLIENT.read(record)


_read = Remembered(_parse)


_: type[ClientStore] = RedisClientStore
