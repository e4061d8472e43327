from datetime import datetime

from domain.model.identifiers import TokenId
from domain.ports.reading import Reading, Ready
from domain.ports.revocations import RevocationList


class MemoryRevocationList:
    def __init__(self) -> None:
        self._until: dict[TokenId, datetime] = {}

    async def add(self, token_id: TokenId, /, *, until: datetime, now: datetime) -> None:
        self._until[token_id] = max(until, self._until.get(token_id, now))

    def contains(self, token_id: TokenId, /, *, now: datetime) -> Reading[bool]:
        until = self._until.get(token_id)
        return Ready(until is not None and now < until)


_: type[RevocationList] = MemoryRevocationList
