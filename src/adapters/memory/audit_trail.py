from domain.errors import Unavailable
from domain.model.events import AuditEvent
from domain.ports.audit_trail import AuditTrail


class MemoryAuditTrail:
    """Keeps what happened, in order, for whoever asks `events`.

    Attributes:
        is_down: Set it, and nothing can be recorded, though it is required.
    """

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.is_down = False

    async def require(self) -> None:
        if self.is_down:
            raise Unavailable("the audit trail is down")

    async def record(self, event: AuditEvent, /) -> None:
        await self.require()
        self.events.append(event)


_: type[AuditTrail] = MemoryAuditTrail
