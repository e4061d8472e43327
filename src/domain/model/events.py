"""Events for the audit trail: one per decision, never with a secret or a token."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.errors import GrantdError
from domain.model.certificates import ClientCertificate
from domain.model.identifiers import ClientId, FamilyId, TokenId
from domain.model.scopes import Scope
from domain.model.values import value


class EventKind(StrEnum):
    """What can happen; `MEANINGS` says of each what it means and carries."""

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
    MASTER_KEY_ROTATED = "master_key.rotated"
    CLIENT_REFUSED = "client.refused"
    KEY_ROTATED = "key.rotated"
    KEY_IMPORTED = "key.imported"
    KEY_RETIRED = "key.retired"
    KEY_REVOKED = "key.revoked"
    SECRET_USED = "secret.used"  # noqa: S105  (the name of an event)
    TRAIL_OPENED = "trail.opened"
    TRAIL_RESUMED = "trail.resumed"


@value(kw_only=True)
class Origin:
    """Where a request came from.

    Attributes:
        actor: Who administers: `cli:` and the name of a user of the operating
            system, the id of a client with the scope for it, or `grantd` for
            what the server does by itself.

        client_certificate: What the connection was verified by, if it was by mutual TLS.
    """

    request_id: str = ""
    protocol: str = ""
    address: str = ""
    actor: str = ""
    client_certificate: ClientCertificate | None = None


@value(kw_only=True)
class AuditEvent:
    """Who did what, from where, and how it ended.

    Attributes:
        client_id: Who asks for it, proved or claimed.

        reason: Why it was refused: an error code and its private detail.

        subject: What an event is about, if not its `client_id`.

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
    def outcome(self) -> "Outcome":
        return MEANINGS[self.kind].outcome

    @property
    def is_alarm(self) -> bool:
        return self.outcome is Outcome.ALARM


def client_refused(
    where: str, refusal: GrantdError, claimed: ClientId, origin: Origin, at: datetime
) -> AuditEvent:
    """Tell of a caller that got no answer at introspection or revocation."""
    return AuditEvent(
        kind=EventKind.CLIENT_REFUSED,
        at=at,
        origin=origin,
        client_id=claimed,
        reason=reason_of(refusal),
        subject=where,
    )


def reason_of(refusal: GrantdError) -> str:
    return f"{refusal.code}: {refusal.detail}"


class Outcome(StrEnum):
    """How a decision ended."""

    GRANTED = "granted"
    REFUSED = "refused"
    CHANGED = "changed"
    ALARM = "alarm"


OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.GRANTED: "somebody got what was asked for",
    Outcome.REFUSED: "somebody did not, and nothing changed",
    Outcome.CHANGED: "something is different from now on, and that is stored",
    Outcome.ALARM: "something happened that an operator should look at",
}

MEMBERS: Final[Mapping[str, str]] = {
    "at": "When it was decided, in UTC.",
    "level": "`warning` for an alarm, else `info`.",
    "event": "What happened.",
    "outcome": "How it ended.",
    "request_id": "The request, as the reply and the log name it; administration by the command"
    " line has none.",
    "protocol": "The way it came: `http`, `grpc`, or `cli` for a command on the store itself.",
    "address": "The address it came from, as `trusted_proxies` lets grantd see it.",
    "certificate": "The SHA-256 thumbprint (`x5t#S256`, RFC 8705 §3.1) of the certificate that the"
    " connection came with, over mutual TLS.",
    "actor": "Who administers: `cli:` and the user of the operating system who typed the command,"
    " the client whose token came with the call, or `grantd` for what the server does by itself.",
    "client_id": "Who asks. Of a refused request that is who it claims to be, proved or not.",
    "grant_type": "The grant type, as the request names it.",
    "scope": "The scope of the access token.",
    "token_id": "The `jti` of the access token.",
    "family_id": "The refresh family.",
    "reason": "Why it was refused: the error code of the reply, and a detail that no reply shows.",
    "subject": "What it is about.",
    "change": "What became different, by name.",
}
"""Every member of a line, in its order. Those of no use to an event are left out of it."""

EVERYWHERE: Final = ("at", "level", "event", "outcome")
ORIGIN: Final = ("request_id", "protocol", "address", "certificate", "actor")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an event tells.

    Attributes:
        members: What its line may carry beside `EVERYWHERE` and `ORIGIN`.
    """

    outcome: Outcome
    sentence: str
    members: tuple[str, ...]


MEANINGS: Final[Mapping[EventKind, Meaning]] = {
    EventKind.TOKEN_ISSUED: Meaning(
        Outcome.GRANTED,
        "A client got an access token; with `family_id` a refresh token too.",
        ("client_id", "grant_type", "scope", "token_id", "family_id"),
    ),
    EventKind.TOKEN_REFRESHED: Meaning(
        Outcome.GRANTED,
        "A client got an access token and the next refresh token.",
        ("client_id", "grant_type", "scope", "token_id", "family_id"),
    ),
    EventKind.TOKEN_REFUSED: Meaning(
        Outcome.REFUSED,
        "A token request was refused, by whichever rule.",
        ("client_id", "grant_type", "reason"),
    ),
    EventKind.CLIENT_REFUSED: Meaning(
        Outcome.REFUSED,
        "A caller was refused; `subject` says where: `introspection`, `revocation` or"
        " `administration`.",
        ("client_id", "reason", "subject"),
    ),
    EventKind.TOKEN_REVOKED: Meaning(
        Outcome.CHANGED,
        "A token was ended: by its client, which `client_id` names, or by an operator, and then"
        " `subject` is the client whose it was, if that is known."
        " With `family_id` it was a refresh token and everything that came from it.",
        ("client_id", "token_id", "family_id", "subject"),
    ),
    EventKind.REFRESH_TOKEN_REPLAYED: Meaning(
        Outcome.ALARM,
        "A spent refresh token came back: somebody has a copy."
        " The family was ended, and with it all that came from it."
        " That the request was refused is an event beside it, `token.refused`.",
        ("client_id", "grant_type", "family_id"),
    ),
    EventKind.REFRESH_TOKEN_AHEAD: Meaning(
        Outcome.ALARM,
        "A refresh token came that is newer than the store's record: the store has lost writes."
        " The family was ended, and with it all that came from it."
        " That the request was refused is an event beside it, `token.refused`.",
        ("client_id", "grant_type", "family_id"),
    ),
    EventKind.CLIENT_CREATED: Meaning(
        Outcome.CHANGED, "A client was registered; `subject` is its id.", ("subject",)
    ),
    EventKind.CLIENT_CHANGED: Meaning(
        Outcome.CHANGED,
        "A client was changed; `subject` is its id, `change` names what became different,"
        " without values: `disabled, epoch`, `scope`, `secret 4f1d09ac added`.",
        ("subject", "change"),
    ),
    EventKind.CLIENT_DELETED: Meaning(
        Outcome.CHANGED,
        "A client was deleted, and all that it held has ended; `subject` is its id.",
        ("subject",),
    ),
    EventKind.KEYS_ESTABLISHED: Meaning(
        Outcome.CHANGED,
        "The first start made the keys; `subject` has their ids.",
        ("subject",),
    ),
    EventKind.KEY_ROTATED: Meaning(
        Outcome.CHANGED,
        "A new key was made; `subject` is its id, `change` tells its schedule and what goes.",
        ("subject", "change"),
    ),
    EventKind.KEY_IMPORTED: Meaning(
        Outcome.CHANGED,
        "A signing key was taken over; `subject` is its id, `change` tells its schedule.",
        ("subject", "change"),
    ),
    EventKind.KEY_RETIRED: Meaning(
        Outcome.CHANGED,
        "A signing key signs no more, or will not; `subject` is its id, `change` says from when.",
        ("subject", "change"),
    ),
    EventKind.KEY_REVOKED: Meaning(
        Outcome.CHANGED,
        "A signing key is gone at once, and every token of it is inactive; `subject` is its id.",
        ("subject", "change"),
    ),
    EventKind.MASTER_KEY_ROTATED: Meaning(
        Outcome.CHANGED,
        "What other master keys had sealed was sealed anew; `subject` is the id of the master key,"
        " `change` counts.",
        ("subject", "change"),
    ),
    EventKind.SECRET_USED: Meaning(
        Outcome.GRANTED,
        "A client proved itself with a secret that has a newer one beside it: `subject` is the"
        " secret's id, `change` says since when. Told at most once a minute for each secret and"
        " worker.",
        ("client_id", "subject", "change"),
    ),
    EventKind.CATALOGUE_CHANGED: Meaning(
        Outcome.CHANGED,
        "A scope, a resource or the declared policy was changed; `subject` says which, `change` is"
        " `added`, `removed` or names what became different: `disabled`, `description, resource`.",
        ("subject", "change"),
    ),
    EventKind.TRAIL_OPENED: Meaning(
        Outcome.CHANGED,
        "With `audit_required`: a process proved that it can write here, before its first change.",
        (),
    ),
    EventKind.TRAIL_RESUMED: Meaning(
        Outcome.ALARM,
        "A process can write here again; `change` says how many of its events are missing here,"
        " and since when.",
        ("change",),
    ),
}
