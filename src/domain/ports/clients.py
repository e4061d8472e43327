from collections.abc import Sequence
from typing import Protocol

from domain.model.clients import Client
from domain.model.identifiers import ClientId
from domain.ports.reading import Reading


class ClientStore(Protocol):
    """Where clients live.

    Client ids and owners share one namespace (RFC 9068 §5): a store MUST
    refuse, in the same atomic step that adds, a client whose id is the id or
    the owner of a client, or whose owner is the id of one. Several clients
    may have one owner.
    """

    def find(self, client_id: ClientId, /) -> Reading[Client | None]:
        """Begin to read a client; whatever was acknowledged before MUST be seen."""
        ...

    async def add(self, client: Client, /) -> None:
        """Add a client.

        Raises:
            ClientExists: If its id or its owner's name is taken.
        """
        ...

    async def replace(self, client: Client, /, *, seen: int) -> None:
        """Replace the client that has version *seen*.

        Id, owner and creation time MUST be those of the client replaced.

        Raises:
            ClientNotFound: If there is no such client.
            Conflict: If its version is another by now.
        """
        ...

    async def confirm(self, client: Client, /) -> None:
        """Return once a client that was found is as lasting as one whose change was acknowledged.

        What somebody was told had failed may be there, and is not known to last.

        Raises:
            Conflict: If it is another by now, or gone.
        """
        ...

    async def remove(self, client_id: ClientId, /) -> bool:
        """Remove a client, free its names, and tell whether there was one."""
        ...

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]:
        """Return up to *limit* clients in the order of their ids, from behind *after*."""
        ...
