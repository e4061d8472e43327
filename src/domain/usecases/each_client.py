"""Every client, one after the other, a page at a time."""

from collections.abc import AsyncIterator

from domain.model.clients import Client
from domain.model.identifiers import ClientId
from domain.ports.clients import ClientStore

_PAGE = 100


async def each_client(clients: ClientStore) -> AsyncIterator[Client]:
    """Yield the clients in the order of their ids, each as it was when its page was read."""
    last: ClientId | None = None
    while page := await clients.page(after=last, limit=_PAGE):
        for client in page:
            yield client
        last = page[-1].client_id
