"""The audit trail, a line an event: JSON for programs, readable for people."""

import json
import sys
from datetime import UTC
from typing import TextIO

from adapters.telemetry.logging import LogFormat, is_for_people
from domain.errors import Unavailable
from domain.model.credentials import mask_secrets
from domain.model.events import AuditEvent
from domain.ports.audit_trail import AuditTrail

_LONGEST_TEXT = 512

# ASCII only: what a client sends can neither break a line nor reach a terminal as control.
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class LogAuditTrail:
    """Writes one line an event, in one write, before the event counts as recorded.

    Args:
        stream: Standard error if left out.

        log_format: "auto" is for people if *stream* is a terminal.
    """

    def __init__(self, stream: TextIO | None = None, *, log_format: LogFormat = "json") -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._write = _for_people if is_for_people(log_format, self._stream) else _encode

    async def record(self, event: AuditEvent, /) -> None:
        line = self._write(_members(event))
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise Unavailable("the audit trail cannot be written") from error


def _for_people(members: dict[str, str | bool]) -> str:
    shown = {**members}
    at, _, event = shown.pop("at"), shown.pop("level"), shown.pop("event")
    return " ".join([f"{at} {event}", *(f"{name}={_encode(it)}" for name, it in shown.items())])


def _members(event: AuditEvent) -> dict[str, str | bool]:
    """Return what is set of an event, in the order of the line."""
    origin = event.origin
    at = event.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    members: dict[str, str | bool] = {
        "at": f"{at}Z",
        "level": "warning" if event.is_alarm else "info",
        "event": event.kind.value,
    }
    if event.is_alarm:
        members["alarm"] = True
    named = (
        ("request_id", origin.request_id),
        ("protocol", origin.protocol),
        ("address", origin.address),
        ("client_id", event.client_id),
        ("grant_type", event.grant_type),
        ("scope", event.scope),
        ("token_id", event.token_id),
        ("family_id", event.family_id),
        ("reason", event.reason),
        ("subject", event.subject),
        ("change", event.change),
    )
    members.update((name, _shown(str(value))) for name, value in named if value)
    return members


def _shown(text: str) -> str:
    """Return *text* bounded, and without a secret that somebody sent in another's place."""
    return mask_secrets(text)[:_LONGEST_TEXT]


_: type[AuditTrail] = LogAuditTrail
