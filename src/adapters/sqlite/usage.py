"""When clients and what belongs to them were last used."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from adapters.milliseconds import from_ms, in_ms, to_ms
from adapters.sqlite.connection import SqliteDatabase
from adapters.use_notes import UseNotes
from domain.model.identifiers import ClientId
from domain.model.usage import KEPT_FOR, NOTED_EVERY, LastUse, Use, UseKind
from domain.ports.reading import Reading, Ready
from domain.ports.usage import UsageStore

_Row = dict[str, str | int]

# So that no step keeps the writer long, nor adds more than a sweep deletes.
_MOST_IN_A_STEP = 200

_NOTE = """
    INSERT INTO usage (client_id, kind, name, first_at, at, source, expires_at)
    SELECT client_id, :kind, :name, :at, :at, :source, :expires_at
    FROM clients WHERE client_id = :client_id
    ON CONFLICT (client_id, kind, name) DO UPDATE
    SET at = excluded.at, source = excluded.source, expires_at = excluded.expires_at
    WHERE excluded.at >= at + :noted_every
"""
_OF = "SELECT kind, name, first_at, at, source FROM usage WHERE client_id = ? AND expires_at > ?"


class SqliteUsageStore:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._notes = UseNotes(self._write)

    def note(self, uses: Sequence[Use], /) -> None:
        self._notes.add(uses)

    def of(self, client_id: ClientId, /, *, now: datetime) -> Reading[Sequence[LastUse]]:
        rows = self._database.fetch(_OF, (client_id, to_ms(now)))
        return Ready(
            [
                LastUse(
                    kind=UseKind(kind),
                    name=name,
                    first_at=from_ms(first_at),
                    at=from_ms(at),
                    source=source,
                )
                for kind, name, first_at, at, source in rows
            ]
        )

    async def close(self) -> None:
        """Write what was noted; the database is still open."""
        await self._notes.close()

    async def _write(self, uses: Sequence[Use]) -> None:
        for start in range(0, len(uses), _MOST_IN_A_STEP):
            rows = [_row(use) for use in uses[start : start + _MOST_IN_A_STEP]]

            def step(connection: sqlite3.Connection, rows: Sequence[_Row] = rows) -> None:
                connection.executemany(_NOTE, rows)

            await self._database.write(step, now=uses[-1].at)


def _row(use: Use) -> _Row:
    return {
        "client_id": use.client_id,
        "kind": use.kind,
        "name": use.name,
        "at": to_ms(use.at),
        "source": use.source,
        "expires_at": to_ms(use.at + KEPT_FOR),
        "noted_every": in_ms(NOTED_EVERY),
    }


_: type[UsageStore] = SqliteUsageStore
