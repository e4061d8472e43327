"""Clients, and the namespace they share with their owners (RFC 9068 §5)."""

import asyncio
import sqlite3
from collections.abc import Sequence

from adapters.records import CLIENT, Remembered
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.gathering import Answer, Question
from domain.errors import ClientExists, ClientNotFound, Conflict
from domain.model.clients import Client
from domain.model.identifiers import ClientId
from domain.ports.clients import ClientStore
from domain.ports.reading import Reading

_FIND = "SELECT record FROM clients WHERE client_id = ?"
_TAKEN = "SELECT 1 FROM clients WHERE client_id IN (:client_id, :owner) OR owner = :client_id"
_ADD = (
    "INSERT INTO clients (client_id, version, owner, record)"
    " VALUES (:client_id, :version, :owner, :record)"
)
_REPLACE = (
    "UPDATE clients SET version = :version, record = :record"
    " WHERE client_id = :client_id AND version = :seen"
)
_REMOVE = "DELETE FROM clients WHERE client_id = ?"
_FORGET_USAGE = "DELETE FROM usage WHERE client_id = ?"
_PAGE = "SELECT record FROM clients WHERE client_id > ? ORDER BY client_id LIMIT ?"


class SqliteClientStore:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._asked: Answer[Client | None] | None = None

    def find(self, client_id: ClientId, /) -> Reading[Client | None]:
        asked = self._asked
        if asked is not None and asked.about == client_id and asked.is_pending():
            return asked  # whoever asks about a token of his own is read once
        self._asked = asked = self._database.ask(_FIND_CLIENT, (client_id,), client_id)
        return asked

    async def add(self, client: Client, /) -> None:
        row = {
            "client_id": client.client_id,
            "version": client.version,
            "owner": client.owner,
            "record": CLIENT.write(client),
        }

        def step(connection: sqlite3.Connection) -> None:
            if connection.execute(_TAKEN, row).fetchone():
                raise ClientExists(client.client_id, hint=client.client_id)
            connection.execute(_ADD, row)

        await self._database.write(step)

    async def replace(self, client: Client, /, *, seen: int) -> None:
        row = {
            "client_id": client.client_id,
            "version": client.version,
            "record": CLIENT.write(client),
            "seen": seen,
        }

        def step(connection: sqlite3.Connection) -> None:
            if connection.execute(_REPLACE, row).rowcount:
                return
            if connection.execute(_FIND, (client.client_id,)).fetchone():
                raise Conflict(f"{client.client_id} is not of version {seen} any more")
            raise ClientNotFound(client.client_id, hint=client.client_id)

        await self._database.write(step)

    async def confirm(self, client: Client, /) -> None:
        if await self.find(client.client_id) != client:  # what can be read is on the disk
            raise Conflict(f"{client.client_id} is not what it was any more")

    async def remove(self, client_id: ClientId, /) -> bool:
        def step(connection: sqlite3.Connection) -> bool:
            connection.execute(_FORGET_USAGE, (client_id,))
            return connection.execute(_REMOVE, (client_id,)).rowcount > 0

        return await self._database.write(step)

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]:
        rows = self._database.fetch(_PAGE, (after or "", limit))
        await asyncio.sleep(0)  # whoever reads them all lets others go on between two pages
        return [CLIENT.read(record) for (record,) in rows]


_FIND_CLIENT = Question(_FIND, Remembered(CLIENT.read))

_: type[ClientStore] = SqliteClientStore
