"""Changing the signing keys and recording what became of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from domain.model.catalogue import StoredCatalogue
from domain.model.events import AuditEvent, EventKind
from domain.model.key_rotation import Keys, signing_keys, without_gone
from domain.model.keys import KeyId, KeySchedule
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.usecases.change_catalogue import ChangeCatalogue


class ChangeKeys:
    def __init__(self, change: ChangeCatalogue, *, clock: Clock, audit: AuditTrail) -> None:
        self._change = change
        self._clock = clock
        self._audit = audit

    async def __call__(
        self, kind: EventKind, subject: KeyId, change: Callable[[Keys, datetime], Keys], /
    ) -> Keys:
        """Replace the keys by what *change* makes of them now, and return them.

        In the same step those go whose tokens have all ended. Nothing is
        written or recorded if *change* makes nothing different.

        Args:
            change: As `ChangeCatalogue` wants it.

        Raises:
            Conflict: If others change the catalogue all the time.
        """
        before = after = Keys()

        def apply(stored: StoredCatalogue) -> StoredCatalogue:
            nonlocal before, after
            now = self._clock.now()
            before = after = stored.keys
            changed = change(before, now)
            if changed != before:
                after = without_gone(changed, now=now)
            return replace(stored, keys=after)

        if await self._change(apply):
            await self._audit.record(
                AuditEvent(
                    kind=kind,
                    at=self._clock.now(),
                    subject=subject,
                    change=", ".join(_differences(before, after)),
                )
            )
        return after


def _differences(before: Keys, after: Keys) -> Iterator[str]:
    was = {key.key_id: key for key in signing_keys(before)}
    now = {key.key_id: key for key in signing_keys(after)}
    for key_id, key in now.items():
        if key_id not in was:
            yield f"{key.algorithm} key {key_id} added, {_written(key.schedule)}"
        elif key.schedule != was[key_id].schedule:
            yield f"{key.algorithm} key {key_id} {_written(key.schedule)}"
    for key_id, key in was.items():
        if key_id not in now:
            yield f"{key.algorithm} key {key_id} removed"


def _written(schedule: KeySchedule) -> str:
    moments = {
        "active from": schedule.activate_at,
        "retired from": schedule.retire_at,
        "gone from": schedule.remove_at,
    }
    return " ".join(
        f"{name} {moment.isoformat(timespec='seconds')}"
        for name, moment in moments.items()
        if moment is not None
    )
