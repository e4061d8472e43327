"""Events for the audit trail: one per decision, never with a secret or a token."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.model.identifiers import ClientId, FamilyId, TokenId
from domain.model.scopes import Scope


class EventKind(StrEnum):
    TOKEN_ISSUED = "token.issued"  # noqa: S105  (the name of an event)
    TOKEN_REFUSED = "token.refused"  # noqa: S105  (likewise)
    TOKEN_REFRESHED = "token.refreshed"  # noqa: S105  (likewise)
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  (likewise)
    REFRESH_TOKEN_REPLAYED = "refresh_token.replayed"  # noqa: S105  (likewise)
    REFRESH_TOKEN_AHEAD = "refresh_token.ahead"  # noqa: S105  (likewise)
    CLIENT_CREATED = "client.created"
    CLIENT_CHANGED = "client.changed"
    CLIENT_DELETED = "client.deleted"
    KEYS_ESTABLISHED = "keys.established"
    CATALOGUE_CHANGED = "catalogue.changed"


ALARMS: Final = frozenset({EventKind.REFRESH_TOKEN_REPLAYED, EventKind.REFRESH_TOKEN_AHEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from."""

    request_id: str = ""
    protocol: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Who did what, from where, and how it ended.

    Attributes:
        reason: Why it was refused: an error code and its private detail.

        subject: What an administrative event is about.

        change: What became different of it.
    """

    kind: EventKind
    at: datetime
    origin: Origin = Origin()
    client_id: ClientId | None = None
    grant_type: str = ""
    scope: Scope | None = None
    token_id: TokenId | None = None
    family_id: FamilyId | None = None
    reason: str = ""
    subject: str = ""
    change: str = ""

    @property
    def is_alarm(self) -> bool:
        return self.kind in ALARMS
