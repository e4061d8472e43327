from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

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
from domain.ports.reading import Reading, Ready


@dataclass(frozen=True, slots=True)
class _LastRotation:
    attempt: AttemptId
    at: datetime


class MemoryRefreshFamilyStore:
    def __init__(self) -> None:
        self._families: dict[FamilyId, RefreshFamily] = {}
        self._rotations: dict[FamilyId, _LastRotation] = {}

    async def open(self, family: RefreshFamily, /, *, limit: int, now: datetime) -> None:
        self._families[family.family_id] = family
        live = [
            kept
            for kept in self._families.values()
            if kept.owner == family.owner and not kept.ended and now < kept.expires_at
        ]
        for oldest in live[: max(len(live) - limit, 0)]:
            self._families[oldest.family_id] = replace(oldest, ended=True)

    def find(self, family_id: FamilyId, /, *, now: datetime) -> Reading[RefreshFamily | None]:
        return Ready(self._unexpired(family_id, now))

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
        family = self._unexpired(family_id, now)
        if family is None:
            return Absent()
        if family.owner != owner:
            return Foreign()
        if family.ended:
            return Ended()
        if presented > family.generation:
            return Ahead()
        if presented < family.generation:
            return self._judge_spent(family, presented, attempt=attempt, now=now, grace=grace)
        successor = Generation(presented + 1)
        self._families[family_id] = replace(
            family,
            generation=successor,
            expires_at=expires_at,
            least_access_generation=successor if retire_access else family.least_access_generation,
        )
        self._rotations[family_id] = _LastRotation(attempt, now)
        return Rotated(successor, expires_at)

    async def end(self, family_id: FamilyId, /, *, now: datetime) -> bool:
        family = self._unexpired(family_id, now)
        if family is None or family.ended:
            return False
        self._families[family_id] = replace(family, ended=True)
        return True

    async def derivations(
        self, owner: ClientId, /, *, epoch: Epoch, before: datetime, now: datetime
    ) -> Sequence[datetime]:
        derived = (
            self._rotations[kept.family_id].at
            if kept.family_id in self._rotations
            else kept.created_at
            for kept in self._families.values()
            if kept.owner == owner and kept.epoch == epoch
            if not kept.ended and now < kept.expires_at
        )
        return [moment for moment in derived if moment < before]

    def _judge_spent(
        self,
        family: RefreshFamily,
        presented: Generation,
        *,
        attempt: AttemptId,
        now: datetime,
        grace: timedelta,
    ) -> Rotation:
        last = self._rotations.get(family.family_id)
        if last is None or presented != family.generation - 1:
            return Replayed()
        if last.attempt == attempt:
            return Rotated(family.generation, family.expires_at)
        if grace and now - last.at <= grace:
            return WithinGrace(family.generation, family.expires_at)
        return Replayed()

    def _unexpired(self, family_id: FamilyId, now: datetime) -> RefreshFamily | None:
        family = self._families.get(family_id)
        return family if family is not None and now < family.expires_at else None


_: type[RefreshFamilyStore] = MemoryRefreshFamilyStore
