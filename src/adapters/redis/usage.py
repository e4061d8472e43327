"""When clients and what belongs to them were last used: one string a client, see note_use.lua."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote, unquote

from adapters.milliseconds import from_ms, in_ms, to_ms
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.gathering import Value
from adapters.use_notes import UseNotes
from domain.model.identifiers import ClientId
from domain.model.usage import KEPT_FOR, NOTED_EVERY, LastUse, Use, UseKind
from domain.ports.reading import Reading
from domain.ports.usage import UsageStore

_LEFT_AS_THEY_ARE: Final = ":/.[]"


class RedisUsageStore:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._notes = UseNotes(self._write)

    def note(self, uses: Sequence[Use], /) -> None:
        self._notes.add(uses)

    def of(self, client_id: ClientId, /, *, now: datetime) -> Reading[Sequence[LastUse]]:
        return self._connection.ask(keys.usage(client_id), _read, now)

    async def close(self) -> None:
        """Write what was noted; the connection is still open."""
        await self._notes.close()

    async def _write(self, uses: Sequence[Use]) -> None:
        by_client: defaultdict[ClientId, list[Use]] = defaultdict(list)
        for use in uses:
            by_client[use.client_id].append(use)
        for client_id, noted in by_client.items():
            await self._connection.run(
                scripts.NOTE_USE,
                keys=(keys.usage(client_id), keys.client(client_id)),
                arguments=(
                    in_ms(NOTED_EVERY),
                    in_ms(KEPT_FOR),
                    *(word for use in noted for word in _written(use)),
                ),
            )


def _written(use: Use) -> tuple[str, str, int, str]:
    return use.kind, _encode(use.name), to_ms(use.at), _encode(use.source)


def _encode(text: str) -> str:
    return quote(text, safe=_LEFT_AS_THEY_ARE, errors="replace")


def _read(value: Value, now: datetime) -> Sequence[LastUse]:
    lines = value.decode().split("\n") if value else ()
    uses = (_parse(*line.split(" ")) for line in lines)
    return [use for use in uses if use.at + KEPT_FOR > now]


def _parse(kind: str, name: str, first_at: str, at: str, source: str) -> LastUse:
    return LastUse(
        kind=UseKind(kind),
        name=unquote(name),
        first_at=from_ms(int(first_at)),
        at=from_ms(int(at)),
        source=unquote(source),
    )


_: type[UsageStore] = RedisUsageStore
