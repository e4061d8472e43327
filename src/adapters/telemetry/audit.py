"""The audit trail as JSON lines."""

import json
import sys
from datetime import UTC
from typing import TextIO

from domain.errors import Unavailable
from domain.model.events import AuditEvent
from domain.ports.audit_trail import AuditTrail

_LONGEST_TEXT = 512

# ASCII only: what a client sends can neither break a line nor reach a terminal as control.
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class LogAuditTrail:
    """Writes one line an event, in one write, before the event counts as recorded.

    Args:
        stream: Standard error if left out.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr

    async def record(self, event: AuditEvent, /) -> None:
        line = _encode(_members(event))
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise Unavailable("the audit trail cannot be written") from error


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
    )
    members.update((name, str(value)[:_LONGEST_TEXT]) for name, value in named if value)
    return members


_: type[AuditTrail] = LogAuditTrail
