"""Refresh families: what was granted as a record, what rotation decides on as columns."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from adapters.milliseconds import from_ms, to_ms
from adapters.records import FAMILY, Remembered
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.gathering import Question
from domain.model.families import (
    Absent,
    Ahead,
    AttemptId,
    Ended,
    Foreign,
    Generation,
    RefreshFamily,
    Replayed,
    Rotated,
    Rotation,
    WithinGrace,
)
from domain.model.identifiers import ClientId, Epoch, FamilyId
from domain.ports.families import RefreshFamilyStore
from domain.ports.reading import Reading

_ADD = (
    "INSERT INTO families (family_id, owner, created_at, record, generation,"
    " least_access_generation, expires_at, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_END_BEYOND_LIMIT = (
    "UPDATE families SET ended = 1 WHERE rowid IN (SELECT rowid FROM families"
    " WHERE owner = ? AND ended = 0 AND expires_at > ?"
    " ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET ?)"
)
_STATE = (
    "SELECT owner, ended, generation, attempt, rotated_at, expires_at"
    " FROM families WHERE family_id = ? AND expires_at > ?"
)
_ADVANCE = (
    "UPDATE families SET generation = :successor, attempt = :attempt, rotated_at = :now,"
    " expires_at = :expires_at, least_access_generation ="
    " CASE WHEN :retire_access THEN :successor ELSE least_access_generation END"
    " WHERE family_id = :family_id"
)
_DERIVED = (
    "SELECT record, coalesce(rotated_at, created_at) AS derived_at FROM families"
    " WHERE owner = ? AND ended = 0 AND expires_at > ? AND derived_at < ?"
)
_END = "UPDATE families SET ended = 1 WHERE family_id = ? AND ended = 0 AND expires_at > ?"


class _State(NamedTuple):
    """The columns of `_STATE`, in its order."""

    owner: ClientId
    ended: int
    generation: Generation
    attempt: AttemptId | None
    rotated_at: int
    expires_at: int

    def judge_spent(
        self, presented: Generation, *, attempt: AttemptId, now: datetime, grace: timedelta
    ) -> Rotated | WithinGrace | Replayed:
        if self.attempt is None or presented != self.generation - 1:
            return Replayed()
        if self.attempt == attempt:
            return Rotated(self.generation, from_ms(self.expires_at))
        if grace and now - from_ms(self.rotated_at) <= grace:
            return WithinGrace(self.generation, from_ms(self.expires_at))
        return Replayed()


class SqliteRefreshFamilyStore:
    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def open(self, family: RefreshFamily, /, *, limit: int, now: datetime) -> None:
        row = (
            family.family_id,
            family.owner,
            to_ms(family.created_at),
            FAMILY.write(family),
            family.generation,
            family.least_access_generation,
            to_ms(family.expires_at),
            family.ended,
        )

        def step(connection: sqlite3.Connection) -> None:
            connection.execute(_ADD, row)
            connection.execute(_END_BEYOND_LIMIT, (family.owner, to_ms(now), limit))

        await self._database.write(step, now=now)

    def find(self, family_id: FamilyId, /, *, now: datetime) -> Reading[RefreshFamily | None]:
        return self._database.ask(_FIND, (family_id,), (family_id, now))

    async def rotate(
        self,
        family_id: FamilyId,
        /,
        *,
        attempt: AttemptId,
        presented: Generation,
        owner: ClientId,
        now: datetime,
        grace: timedelta,
        expires_at: datetime,
        retire_access: bool,
    ) -> Rotation:
        successor = Generation(presented + 1)
        advance = {
            "family_id": family_id,
            "successor": successor,
            "attempt": attempt,
            "now": to_ms(now),
            "expires_at": to_ms(expires_at),
            "retire_access": retire_access,
        }

        def step(connection: sqlite3.Connection) -> Rotation:
            row = connection.execute(_STATE, (family_id, to_ms(now))).fetchone()
            if row is None:
                return Absent()
            state = _State(*row)
            if state.owner != owner:
                return Foreign()
            if state.ended:
                return Ended()
            if presented > state.generation:
                return Ahead()
            if presented < state.generation:
                return state.judge_spent(presented, attempt=attempt, now=now, grace=grace)
            connection.execute(_ADVANCE, advance)
            return Rotated(successor, expires_at)

        return await self._database.write(step, now=now)

    async def end(self, family_id: FamilyId, /, *, now: datetime) -> bool:
        def step(connection: sqlite3.Connection) -> bool:
            return connection.execute(_END, (family_id, to_ms(now))).rowcount > 0

        return await self._database.write(step, now=now)

    async def derivations(
        self, owner: ClientId, /, *, epoch: Epoch, before: datetime, now: datetime
    ) -> Sequence[datetime]:
        rows = self._database.fetch(_DERIVED, (owner, to_ms(now), to_ms(before)))
        await asyncio.sleep(0)  # whoever asks for all owners lets others go on between two
        return [
            from_ms(derived_at) for record, derived_at in rows if FAMILY.read(record).epoch == epoch
        ]


def _parse(value: bytes) -> RefreshFamily:
    generation, least_access_generation, expires_at, ended, record = value.split(b"|", 4)
    return replace(
        FAMILY.read(record),
        generation=Generation(int(generation)),
        least_access_generation=Generation(int(least_access_generation)),
        expires_at=from_ms(int(expires_at)),
        ended=ended == b"1",
    )


_read = Remembered(_parse)


def _unexpired(value: bytes | None, asked: tuple[FamilyId, datetime]) -> RefreshFamily | None:
    family_id, now = asked
    family = _read(value, family_id)
    return family if family is not None and family.expires_at > now else None


_FIND = Question(
    "SELECT CAST(generation || '|' || least_access_generation || '|' || expires_at"
    " || '|' || ended || '|' || record AS BLOB)"
    " FROM families WHERE family_id = ?",
    _unexpired,
)

_: type[RefreshFamilyStore] = SqliteRefreshFamilyStore
