"""When a client, and what belongs to it, was last used. It informs people and decides nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from domain.model.clients import Client
from domain.model.identifiers import ClientId
from domain.model.values import value

# What is known of a use may be behind by this: once in process, once in the store.
NOTED_EVERY: Final = timedelta(minutes=1)

KEPT_FOR: Final = timedelta(days=400)


class UseKind(StrEnum):
    """What was used: the client at all, one of its secrets, a grant or a scope token."""

    CLIENT = "client"
    SECRET = "secret"  # noqa: S105  (the name of a kind)
    GRANT = "grant"
    SCOPE = "scope"


@value(kw_only=True)
class Use:
    """One use, as it is noted.

    Attributes:
        name: The id of the secret, the grant type or the scope token; empty
            for the client itself.

        source: The address that it came from.
    """

    client_id: ClientId
    kind: UseKind
    name: str = ""
    at: datetime
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUse:
    """The latest use that was kept, and when the same thing was first noted."""

    kind: UseKind
    name: str
    first_at: datetime
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class ClientUsage:
    """All that is known of the uses of one client."""

    uses: tuple[LastUse, ...] = ()

    @classmethod
    def of(cls, client: Client, kept: Iterable[LastUse]) -> Self:
        """Take what is kept under a client's id, but for what an earlier one of that id left."""
        return cls(tuple(use for use in kept if use.at >= client.created_at))

    def last(self, kind: UseKind, name: str = "") -> LastUse | None:
        return next((use for use in self.uses if use.kind is kind and use.name == name), None)

    @property
    def known_since(self) -> datetime | None:
        """Since when uses of the client were noted; None if there was none."""
        return min((use.first_at for use in self.uses), default=None)
