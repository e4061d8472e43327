"""What is written of an audit event, wherever it is written.

Nothing that a client sends can break a line or reach a terminal as control,
and a secret sent in another value's place is masked.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from domain.model.credentials import mask_secrets
from domain.model.events import AuditEvent

Entry = Mapping[str, str]
"""The members of one event, in their order, with nothing that is not set."""

# A pipe takes that much in one piece from several processes (PIPE_BUF of Linux).
LONGEST_LINE: Final = 4_096

_SHORT: Final = 256  # characters that fit, however they have to be escaped
_TEXT_LIMITS: Final = (512, 128, 24)

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class AuditPlace(Protocol):
    """Somewhere that events are written to.

    Attributes:
        name: What an operator calls it.
    """

    @property
    def name(self) -> str: ...

    async def append(self, entries: Sequence[Entry], /) -> None:
        """Write entries behind those that are there.

        Raises:
            OSError: If that is not possible; a part may have been written.
            ValueError: If what is written to has been closed.
            Unavailable: If that is not possible.
        """
        ...

    async def close(self) -> None: ...


def entry_of(event: AuditEvent) -> Entry:
    """Return what is set of an event."""
    origin = event.origin
    certificate = origin.client_certificate
    members = {
        "at": written_time(event.at),
        "level": "warning" if event.is_alarm else "info",
        "event": event.kind.value,
        "outcome": event.outcome.value,
    }
    named = (
        ("request_id", origin.request_id),
        ("protocol", origin.protocol),
        ("address", origin.address),
        ("certificate", certificate.thumbprint if certificate is not None else ""),
        ("actor", origin.actor),
        ("client_id", event.client_id),
        ("grant_type", event.grant_type),
        ("scope", event.scope),
        ("token_id", event.token_id),
        ("family_id", event.family_id),
        ("reason", event.reason),
        ("subject", event.subject),
        ("change", event.change),
    )
    members.update((name, mask_secrets(str(value))) for name, value in named if value)
    return _bounded(members)


def json_line(entry: Entry) -> str:
    return _encode(entry) + "\n"


def readable_line(entry: Entry) -> str:
    """Write for people: the values quoted, so that nothing in them passes for something else."""
    shown = {**entry}
    at, _, event = shown.pop("at"), shown.pop("level"), shown.pop("event")
    return (
        " ".join([f"{at} {event}", *(f"{name}={_encode(it)}" for name, it in shown.items())]) + "\n"
    )


def written_time(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _bounded(members: dict[str, str]) -> Entry:
    """Cut the values off, so that the longest line is within `LONGEST_LINE`."""
    if sum(map(len, members.values())) <= _SHORT:
        return members
    for limit in _TEXT_LIMITS:
        members = {name: text[:limit] for name, text in members.items()}
        if len(json_line(members)) <= LONGEST_LINE:
            break
    return members
