from typing import Protocol

from domain.model.credentials import ClientSecret
from domain.model.identifiers import ClientId


class SecretNotLeft(Exception):
    """A secret could not be left where it was to be; its text says why and holds no secret."""


class SecretOutlet(Protocol):
    """Where an operator finds the secrets that are made for clients, each left there once."""

    async def find(self, client_id: ClientId, /) -> ClientSecret | None:
        """Return what was left for a client.

        Raises:
            SecretNotLeft: If something else is in its place.
        """
        ...

    async def leave(self, client_id: ClientId, secret: ClientSecret, /) -> None:
        """Leave a secret; it MUST be durable on return, and there whole or not at all.

        Raises:
            SecretNotLeft: If that is not possible, or if there is one already.
        """
        ...
