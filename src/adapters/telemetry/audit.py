"""The audit trail: every event to every place, and an account of what is missing there."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from adapters.audit_lines import AuditPlace, Entry, NearPlace, entry_of, written_time
from adapters.origin import bound_origin
from adapters.telemetry.audit_gathering import Gathering
from domain.errors import Unavailable
from domain.model.events import AuditEvent, EventKind, Origin, Outcome
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock

_NOWHERE: Final = Origin()
_FAILURES: Final = (OSError, ValueError, Unavailable)  # what `AuditPlace.append` raises

_log = logging.getLogger(__name__)


class AuditCounts(Protocol):
    def recorded(self, kind: EventKind, /) -> None: ...

    def lost(self, events: int, /) -> None: ...


class Uncounted:
    """For a process whose counts nobody reads."""

    def recorded(self, kind: EventKind, /) -> None:
        pass

    def lost(self, events: int, /) -> None:
        pass


class WrittenAuditTrail:
    """Writes events down, an administrative one with the origin that is bound.

    The first failure of a place is logged, and so is its end; what is
    missing between them is counted and told in the trail itself.

    Args:
        places: Each is written before `record` returns, in most cases without waiting.

        gathered: What takes a round trip to write: what happens in one turn
            of the event loop goes there together. It is waited for only if
            the trail is required; otherwise a process that is killed takes
            along what has not set out.

        required: Whether nothing may happen that cannot be written down.
    """

    def __init__(
        self,
        places: Sequence[NearPlace],
        *,
        gathered: Sequence[AuditPlace] = (),
        required: bool = False,
        clock: Clock,
        counts: AuditCounts,
    ) -> None:
        self._required = required
        self._clock = clock
        self._counts = counts
        self._near = [_NearAccount(place, clock, counts) for place in places]
        self._distant = [
            _Distant(_Account(place, clock, counts), waits=required) for place in gathered
        ]
        self._accounts = (*self._near, *(place.account for place in self._distant))

    async def require(self) -> None:
        if not self._required:
            return
        for account in self._accounts:
            if account.is_proved:
                continue
            try:
                await account.prove()
            except _FAILURES as error:
                raise Unavailable(_sentence(account.name, error)) from error

    async def record(self, event: AuditEvent, /) -> None:
        if not event.origin.request_id and event.origin == _NOWHERE:
            event = replace(event, origin=bound_origin())
        entry = entry_of(event)
        self._counts.recorded(event.kind)
        failed = None
        for near in self._near:
            try:
                if not near.put(entry):
                    await near.write((entry,))
            except _FAILURES as error:
                failed = failed or (near.name, error)
        for distant in self._distant:
            try:
                await distant.write(entry)
            except _FAILURES as error:
                failed = failed or (distant.account.name, error)
        if failed is not None and self._required:
            raise _not_recorded(event, *failed) from failed[1]

    async def close(self) -> None:
        """Wait for what has not been written yet."""
        for distant in self._distant:
            await distant.close()
        for account in self._accounts:
            await account.close()


class _Account:
    """One place, and what is missing there.

    Attributes:
        is_proved: Whether the last thing to be written was written.
    """

    def __init__(self, place: AuditPlace, clock: Clock, counts: AuditCounts) -> None:
        self.name = place.name
        self._place = place
        self._clock = clock
        self._counts = counts
        self._turn = asyncio.Lock()
        self.is_proved = False
        self._missing = 0
        self._since: datetime | None = None

    async def write(self, entries: Sequence[Entry]) -> None:
        async with self._turn:
            try:
                await self._resume()
                await self._place.append(entries)
            except Exception as error:
                self.miss(len(entries), error)
                raise
            self.is_proved = True

    async def close(self) -> None:
        await self._place.close()

    async def prove(self) -> None:
        """Write something, unless somebody has done so meanwhile."""
        async with self._turn:
            if not self.is_proved:
                if self._since is None:
                    await self._tell(EventKind.TRAIL_OPENED)
                await self._resume()
                self.is_proved = True

    def miss(self, events: int, error: Exception) -> None:
        if not self._missing:
            self._since = self._clock.now()
            _log.error("%s", _sentence(self.name, error))
        self.is_proved = False
        self._missing += events
        self._counts.lost(events)

    async def _resume(self) -> None:
        if self._since is None:
            return
        missing = f"{self._missing} missing since {written_time(self._since)}"
        await self._tell(EventKind.TRAIL_RESUMED, change=missing)
        _log.warning("the audit trail is written to %s again: %s", self.name, missing)
        self._missing, self._since = 0, None

    async def _tell(self, kind: EventKind, *, change: str = "") -> None:
        now, origin = self._clock.now(), bound_origin()
        event = AuditEvent(kind=kind, at=now, origin=origin, change=change)
        await self._place.append((entry_of(event),))
        self._counts.recorded(kind)


class _NearAccount(_Account):
    def __init__(self, place: NearPlace, clock: Clock, counts: AuditCounts) -> None:
        super().__init__(place, clock, counts)
        self._near = place

    def put(self, entry: Entry) -> bool:
        """Write at once, unless something is missing or somebody is writing, as in `write`.

        Returns:
            Whether it was written; if not, `write` has to be waited for.
        """
        if not self.is_proved or self._turn.locked():
            return False
        try:
            return self._near.put(entry)
        except Exception as error:
            self.miss(1, error)
            raise


class _Distant:
    """One place, with what sets out for it together."""

    def __init__(self, account: _Account, *, waits: bool) -> None:
        self.account = account
        gathering = Gathering(account.write, full=account.miss, waits=waits)
        self.write, self.close = gathering.write, gathering.close


def _sentence(place: str, error: Exception) -> str:
    return f"the audit trail cannot be written to {place}: {_reason(error)}"


def _reason(error: Exception) -> str:
    if isinstance(error, Unavailable):
        return error.detail
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _not_recorded(event: AuditEvent, place: str, error: Exception) -> Unavailable:
    sentence = _sentence(place, error)
    if event.outcome is not Outcome.CHANGED:
        return Unavailable(sentence)
    done = "it was done, but is not in the audit trail"
    return Unavailable(f"{done}: {sentence}", hint=done)


_: type[AuditTrail] = WrittenAuditTrail
