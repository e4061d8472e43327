from datetime import datetime

from domain.model.assertions import AssertionId
from domain.ports.assertions import AssertionReplays


class MemoryAssertionReplays:
    def __init__(self) -> None:
        self._until: dict[AssertionId, datetime] = {}

    async def spend(self, assertion_id: AssertionId, /, *, until: datetime, now: datetime) -> bool:
        spent_until = self._until.get(assertion_id)
        if spent_until is not None and now < spent_until:
            return False
        self._until[assertion_id] = until
        return True


_: type[AssertionReplays] = MemoryAssertionReplays
