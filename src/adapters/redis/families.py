"""Refresh families in Redis: one string each, as scripts/family.lua describes it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

from adapters.milliseconds import from_ms, in_ms, to_ms
from adapters.records import FAMILY, Remembered
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.gathering import Value
from adapters.redis.times import ttl_ms
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

_PLACES_IN_A_MILLISECOND = 1_000

_REFUSALS: dict[bytes, Rotation] = {
    b"absent": Absent(),
    b"foreign": Foreign(),
    b"ended": Ended(),
    b"ahead": Ahead(),
    b"replayed": Replayed(),
}
_SUCCESSES: dict[bytes, type[Rotated | WithinGrace]] = {
    b"rotated": Rotated,
    b"within-grace": WithinGrace,
}


class RedisRefreshFamilyStore:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def open(self, family: RefreshFamily, /, *, limit: int, now: datetime) -> None:
        await self._connection.run(
            scripts.OPEN_FAMILY,
            keys=_keys(family.family_id, family.owner),
            arguments=(
                _write(family),
                to_ms(family.created_at) * _PLACES_IN_A_MILLISECOND,
                _PLACES_IN_A_MILLISECOND,
                to_ms(family.expires_at),
                ttl_ms(family.expires_at, now=now),
                limit,
                to_ms(now),
            ),
        )

    def find(self, family_id: FamilyId, /, *, now: datetime) -> Reading[RefreshFamily | None]:
        return self._connection.ask(keys.family(family_id), _unexpired, (family_id, now))

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
        outcome, *successor = await self._connection.run(
            scripts.ROTATE_FAMILY,
            keys=_keys(family_id, owner),
            arguments=(
                quote(owner),
                presented,
                quote(attempt),
                to_ms(now),
                in_ms(grace),
                to_ms(expires_at),
                ttl_ms(expires_at, now=now),
                int(retire_access),
            ),
        )
        if outcome in _REFUSALS:
            return _REFUSALS[outcome]
        generation, ends_at = map(int, successor)
        return _SUCCESSES[outcome](Generation(generation), from_ms(ends_at))

    async def end(self, family_id: FamilyId, /, *, now: datetime) -> bool:
        family = await self.find(family_id, now=now)
        if family is None:
            return False
        outcome = await self._connection.run(
            scripts.END_FAMILY,
            keys=(*_keys(family_id, family.owner), keys.receipt(keys.family(family_id))),
            arguments=(to_ms(now),),
        )
        return bool(outcome == b"ended")

    async def derivations(
        self, owner: ClientId, /, *, epoch: Epoch, before: datetime, now: datetime
    ) -> Sequence[datetime]:
        opened = await self._connection.command(
            "ZRANGE", keys.families_by_age(owner), 0, -1, "WITHSCORES"
        )
        readings = [(self._connection.get(key), age) for key, age in opened]
        found = [(await reading, age) for reading, age in readings]
        derived = (
            _derived_at(value, age)
            for value, age in found
            if value is not None and _is_live(value, epoch, now)
        )
        return [moment for moment in derived if moment < before]


def _keys(family_id: FamilyId, owner: ClientId) -> tuple[bytes, bytes, bytes]:
    by_age, by_expiry = keys.family_indexes(family_id, owner)
    return (keys.family(family_id), by_age, by_expiry)


def _is_live(value: bytes, epoch: Epoch, now: datetime) -> bool:
    family = _parse(value)
    return family.epoch == epoch and not family.ended and now < family.expires_at


def _derived_at(value: bytes, age: float) -> datetime:
    """Return when a family was rotated last, or opened, as its place by age tells."""
    rotated_at = int(value.split(b"|", 4)[3])
    return from_ms(rotated_at or int(age) // _PLACES_IN_A_MILLISECOND)


def _write(family: RefreshFamily) -> bytes:
    head = (
        f"{family.generation}|{family.least_access_generation}||0"
        f"|{to_ms(family.expires_at)}|{int(family.ended)}|{quote(family.owner)}|"
    )
    return head.encode() + FAMILY.write(family)


def _parse(value: bytes) -> RefreshFamily:
    generation, least, _, _, expires_at, ended, _, record = value.split(b"|", 7)
    return replace(
        FAMILY.read(record),
        generation=Generation(int(generation)),
        least_access_generation=Generation(int(least)),
        expires_at=from_ms(int(expires_at)),
        ended=ended == b"1",
    )


_read = Remembered(_parse)


def _unexpired(value: Value, asked: tuple[FamilyId, datetime]) -> RefreshFamily | None:
    family_id, now = asked
    family = _read(value, family_id)
    return family if family is not None and now < family.expires_at else None


_: type[RefreshFamilyStore] = RedisRefreshFamilyStore
