from domain.model.events import AuditEvent
from domain.ports.audit_trail import AuditTrail


class MemoryAuditTrail:
    """Keeps what happened, in order, for whoever asks `events`."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    async def record(self, event: AuditEvent, /) -> None:
        self.events.append(event)


_: type[AuditTrail] = MemoryAuditTrail
