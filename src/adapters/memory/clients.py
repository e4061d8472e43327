from collections.abc import Sequence

from domain.errors import ClientExists, ClientNotFound, Conflict
from domain.model.clients import Client
from domain.model.identifiers import ClientId
from domain.model.usage import LastUse, UseKind
from domain.ports.clients import ClientStore
from domain.ports.reading import Reading, Ready


class MemoryClientStore:
    """Clients by their ids.

    Attributes:
        usage: What is kept of the use of each client that there is.
    """

    def __init__(self) -> None:
        self._clients: dict[ClientId, Client] = {}
        self.usage: dict[ClientId, dict[tuple[UseKind, str], LastUse]] = {}

    def find(self, client_id: ClientId, /) -> Reading[Client | None]:
        return Ready(self._clients.get(client_id))

    async def add(self, client: Client, /) -> None:
        ids: set[str] = set(self._clients)
        owners: set[str | None] = {kept.owner for kept in self._clients.values()}
        if client.client_id in ids | owners or client.owner in ids:
            raise ClientExists(client.client_id, hint=client.client_id)
        self._clients[client.client_id] = client
        self.usage[client.client_id] = {}

    async def replace(self, client: Client, /, *, seen: int) -> None:
        kept = self._clients.get(client.client_id)
        if kept is None:
            raise ClientNotFound(client.client_id, hint=client.client_id)
        if kept.version != seen:
            raise Conflict(f"version {kept.version} and not {seen}")
        self._clients[client.client_id] = client

    async def confirm(self, client: Client, /) -> None:
        if self._clients.get(client.client_id) != client:
            raise Conflict(f"{client.client_id} is not what it was any more")

    async def remove(self, client_id: ClientId, /) -> bool:
        self.usage.pop(client_id, None)
        return self._clients.pop(client_id, None) is not None

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]:
        behind = sorted(one for one in self._clients if after is None or one > after)
        return [self._clients[client_id] for client_id in behind[:limit]]


_: type[ClientStore] = MemoryClientStore
