from typing import Protocol

from domain.model.events import AuditEvent


class AuditTrail(Protocol):
    """Where every decision leaves one event.

    A trail that is not required never refuses: it makes its failures visible
    by its own means. Of a required one, both methods refuse.
    """

    async def require(self) -> None:
        """Refuse to go on if what comes next has to be recorded and cannot be.

        Whatever changes something calls it before the change. It is no
        promise: the trail may fail between the change and its event.

        Raises:
            Unavailable: If it is known that nothing can be recorded.
        """
        ...

    async def record(self, event: AuditEvent, /) -> None:
        """Record what was decided.

        Raises:
            Unavailable: If it had to be recorded and was not. What was
                changed stays changed, and what was granted MUST NOT be
                handed over.
        """
        ...
