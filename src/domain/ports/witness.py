"""Whoever wants to know which client the request at hand comes from."""

from typing import Protocol

from domain.model.identifiers import ClientId


class Witness(Protocol):
    """Is told once at most of each, and decides nothing."""

    def claimed(self, client_id: ClientId, /) -> None:
        """Hear whose the request says it is; anybody can say anything."""
        ...

    def proved(self, client_id: ClientId, /) -> None:
        """Hear whose the request is."""
        ...
