from typing import Protocol

from domain.model.events import AuditEvent


class AuditTrail(Protocol):
    async def record(self, event: AuditEvent, /) -> None: ...
