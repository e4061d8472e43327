from collections.abc import Sequence
from datetime import datetime

from adapters.memory.clients import MemoryClientStore
from domain.model.identifiers import ClientId
from domain.model.usage import KEPT_FOR, NOTED_EVERY, LastUse, Use
from domain.ports.reading import Reading, Ready
from domain.ports.usage import UsageStore


class MemoryUsageStore:
    """Lies beside the clients, with whom it goes."""

    def __init__(self, clients: MemoryClientStore) -> None:
        self._usage = clients.usage

    def note(self, uses: Sequence[Use], /) -> None:
        for use in uses:
            kept = self._usage.get(use.client_id)
            if kept is None:
                continue
            last = kept.get((use.kind, use.name))
            if last is None or use.at - last.at >= NOTED_EVERY:
                kept[use.kind, use.name] = LastUse(
                    kind=use.kind,
                    name=use.name,
                    first_at=use.at if last is None else last.first_at,
                    at=use.at,
                    source=use.source,
                )

    def of(self, client_id: ClientId, /, *, now: datetime) -> Reading[Sequence[LastUse]]:
        kept = self._usage.get(client_id, {}).values()
        return Ready([use for use in kept if use.at + KEPT_FOR > now])


_: type[UsageStore] = MemoryUsageStore
