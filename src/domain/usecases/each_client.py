"""Every client, one after the other, a page at a time."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from domain.model.clients import Client
from domain.model.identifiers import ClientId

_PAGE = 500


class PagedClients(Protocol):
    """Whatever gives clients by the page."""

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]: ...


async def each_page(clients: PagedClients) -> AsyncIterator[Sequence[Client]]:
    """Yield the clients in the order of their ids, by the page."""
    last: ClientId | None = None
    while page := await clients.page(after=last, limit=_PAGE):
        yield page
        last = page[-1].client_id


async def each_client(clients: PagedClients) -> AsyncIterator[Client]:
    """Yield the clients in the order of their ids, each as it was when its page was read."""
    async for page in each_page(clients):
        for client in page:
            yield client
