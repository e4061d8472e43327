"""Clients, written only by the application of a state that began last."""

from collections.abc import Sequence

from domain.errors import Conflict
from domain.model.clients import Client
from domain.model.identifiers import ClientId
from domain.ports.clients import ClientStore
from domain.ports.reading import Reading
from domain.usecases.current_catalogue import CurrentCatalogue


class FencedClients:
    """A store that asks, right before each write, whether another application has begun since.

    Between the answer and the write nothing else is waited for. An
    application that stood still in just that moment is noticed by the other
    one, unless that has ended already.
    """

    def __init__(self, clients: ClientStore, *, catalogue: CurrentCatalogue) -> None:
        self._clients = clients
        self._catalogue = catalogue
        self._mark = ""

    def begin(self, mark: str) -> None:
        """Write from now on for the application of that name alone."""
        self._mark = mark

    def find(self, client_id: ClientId, /) -> Reading[Client | None]:
        return self._clients.find(client_id)

    async def add(self, client: Client, /) -> None:
        await self.require_own()
        await self._clients.add(client)

    async def replace(self, client: Client, /, *, seen: int) -> None:
        await self.require_own()
        await self._clients.replace(client, seen=seen)

    async def confirm(self, client: Client, /) -> None:
        await self._clients.confirm(client)

    async def remove(self, client_id: ClientId, /) -> bool:
        await self.require_own()
        return await self._clients.remove(client_id)

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]:
        return await self._clients.page(after=after, limit=limit)

    async def require_own(self) -> None:
        """Refuse to go on once another application has begun.

        Raises:
            Conflict: If one has.
        """
        require_mark((await self._catalogue.read()).policy.apply_under_way, self._mark)


def require_mark(found: str, mark: str) -> None:
    """Refuse to go on once another application has put its name in the place of *mark*.

    Raises:
        Conflict: If it has.
    """
    if found != mark:
        raise Conflict("another application has begun since")


_: type[ClientStore] = FencedClients
