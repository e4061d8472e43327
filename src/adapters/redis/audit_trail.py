"""The audit trail as a stream in Redis, the oldest events leaving it as new ones come."""

from collections.abc import Sequence
from itertools import chain

from adapters.audit_lines import AuditPlace, Entry
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection


class RedisAuditStream:
    """Each event is one entry of the stream, each of its members a field.

    Args:
        length: How many entries are kept, at the least.
    """

    def __init__(self, connection: RedisConnection, *, length: int) -> None:
        self.name = "the stream in Redis"
        self._connection = connection
        self._length = length

    async def append(self, entries: Sequence[Entry], /) -> None:
        fields = (_fields(entry) for entry in entries)
        await self._connection.run(
            scripts.APPEND_EVENTS,
            keys=(keys.AUDIT_EVENTS, keys.receipt(keys.AUDIT_EVENTS)),
            arguments=(self._length, *chain.from_iterable(fields)),
        )

    async def close(self) -> None:
        """Leave the connection to the store, whose it is."""


def _fields(entry: Entry) -> list[str | int]:
    return [2 * len(entry), *chain.from_iterable(entry.items())]


_: type[AuditPlace] = RedisAuditStream
