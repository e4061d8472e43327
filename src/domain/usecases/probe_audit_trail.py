"""Whether what happens can be written down, where nothing may happen otherwise."""

from domain.errors import Unavailable
from domain.ports.audit_trail import AuditTrail
from domain.ports.probe import NotReady, Probe


class AuditTrailProbe:
    """Fails while a required trail cannot be written: everything is refused then."""

    name = "audit_trail"

    def __init__(self, audit: AuditTrail) -> None:
        self._audit = audit

    async def check(self) -> None:
        try:
            await self._audit.require()
        except Unavailable as failure:
            raise NotReady("cannot be written", failure.detail) from failure


_: type[Probe] = AuditTrailProbe
