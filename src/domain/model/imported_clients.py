"""Clients of another server, and what became of them here."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat

MAX_IMPORTED_CLIENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignClient:
    """A client as another server's export has it, in our words and not judged.

    Attributes:
        place: Where in the export it stands.

        flaw: Why it cannot come along, if the export itself says so.

        secret: In the clear or hashed, as it stands.

        secret_is_clear: That server never hashes it, so nothing in it is
            taken for a hash.

        secret_is_sent_raw: That server compares what HTTP Basic carries
            without form-decoding it, so its clients send it as it stands.

        grant_types: None where that server restricts none.

        scope: None where that server restricts none.

        default_scope: What it is given if it asks for none.

        audiences: Resources it may ask for, by that server's names.

        not_taken: The names of what it has besides.
    """

    place: str
    client_id: str
    flaw: str = ""
    name: str = ""
    disabled: bool = False
    auth_methods: frozenset[AuthMethod]
    secret: ClientSecret | None = None
    secret_is_clear: bool = False
    secret_is_sent_raw: bool = False
    secret_expires_at: datetime | None = None
    jwks: object = field(default=None, repr=False)
    jwks_uri: str = ""
    assertion_algorithm: str = ""
    grant_types: tuple[str, ...] | None
    issue_refresh_token: bool = False
    scope: tuple[str, ...] | None
    default_scope: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    owner: str = ""
    access_token_ttl: timedelta | None = None
    token_format: TokenFormat | None = None
    not_taken: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What became of a client of an export."""

    TAKEN = "taken"
    ALREADY_HERE = "already here"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedClient:
    """What became of one client.

    Attributes:
        changed: What is not here as it was there, and why.

        reason: Why it was refused.
    """

    place: str
    client_id: str
    outcome: Outcome
    changed: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of an export.

    Attributes:
        scopes: Those that this server did not know and that clients need.
    """

    clients: tuple[ImportedClient, ...]
    scopes: Scope = Scope()

    def count(self, outcome: Outcome) -> int:
        return sum(one.outcome is outcome for one in self.clients)
