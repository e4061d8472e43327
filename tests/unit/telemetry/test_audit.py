"""What the audit trail does of itself: origins, places, and what it says when one fails."""

import asyncio
import json
import logging
import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path

import pytest

from adapters.audit_lines import Entry, entry_of
from adapters.origin import bind_origin
from adapters.telemetry import audit_gathering, audit_places
from adapters.telemetry.audit import AuditCounts, WrittenAuditTrail
from adapters.telemetry.audit_places import FilePlace, StreamPlace
from domain.errors import Unavailable
from domain.model.events import AuditEvent, EventKind, Origin
from support.doubles import FixedClock

AT, WRITTEN = datetime(2026, 11, 22, tzinfo=UTC), "2026-11-22T00:00:00.000Z"

ISSUED = AuditEvent(kind=EventKind.TOKEN_ISSUED, at=AT, origin=Origin(request_id="r-1"))
REFUSED = AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT)
CREATED = AuditEvent(kind=EventKind.CLIENT_CREATED, at=AT, subject="billing")


class Counts:
    def __init__(self) -> None:
        self.kinds: Counter[EventKind] = Counter()
        self.missing = 0

    def recorded(self, kind: EventKind, /) -> None:
        self.kinds[kind] += 1

    def lost(self, events: int, /) -> None:
        self.missing += events


_: type[AuditCounts] = Counts


class Shelf:
    """A place that keeps what comes, one batch at a time, unless it is broken.

    Attributes:
        error: Raised instead of keeping anything.

        open_door: While it is not set, everything waits.

        at_once: Whether it takes an entry without being waited for.
    """

    name = "a shelf"

    def __init__(self) -> None:
        self.batches: list[Sequence[Entry]] = []
        self.error: Exception | None = None
        self.open_door = asyncio.Event()
        self.open_door.set()
        self.at_once = True

    def put(self, entry: Entry, /) -> bool:
        if not self.at_once or not self.open_door.is_set():
            return False
        self._keep((entry,))
        return True

    async def append(self, entries: Sequence[Entry], /) -> None:
        await self.open_door.wait()
        self._keep(entries)

    def _keep(self, entries: Sequence[Entry]) -> None:
        if self.error is not None:
            raise self.error
        self.batches.append(entries)

    async def close(self) -> None:
        pass

    @property
    def events(self) -> list[str]:
        return [entry["event"] for batch in self.batches for entry in batch]


class World:
    """A trail on a shelf nearby and one that is far away."""

    def __init__(self, *, required: bool) -> None:
        self.clock, self.counts = FixedClock(AT), Counts()
        self.near, self.far = Shelf(), Shelf()
        self.trail = WrittenAuditTrail(
            [self.near],
            gathered=[self.far],
            required=required,
            clock=self.clock,
            counts=self.counts,
        )


@pytest.fixture
def world() -> World:
    return World(required=False)


@pytest.fixture
def strict() -> World:
    return World(required=True)


async def test_every_place_gets_every_event(world: World) -> None:
    await world.trail.record(ISSUED)
    await world.trail.record(CREATED)
    await world.trail.close()

    assert world.near.events == world.far.events == ["token.issued", "client.created"]
    assert world.counts.kinds == {EventKind.TOKEN_ISSUED: 1, EventKind.CLIENT_CREATED: 1}


async def test_what_nobody_told_the_origin_of_has_the_one_that_is_bound(world: World) -> None:
    """Administration does not carry it through every use case; a request tells its own."""
    with bind_origin(Origin(protocol="cli", actor="cli:alice")):
        await world.trail.record(CREATED)
        await world.trail.record(ISSUED)
    await world.trail.record(CREATED)

    created, issued, later = (batch[0] for batch in world.near.batches)
    assert (created["protocol"], created["actor"]) == ("cli", "cli:alice")
    assert "actor" not in issued
    assert "actor" not in later


async def test_what_happens_at_once_travels_together(world: World) -> None:
    """A round trip per event would cost more than the event."""
    await asyncio.gather(*(world.trail.record(ISSUED) for _ in range(50)))
    await world.trail.close()

    assert [len(batch) for batch in world.far.batches] == [50]


class TestAtOnce:
    """Most events wait for nothing, and those that do are not overtaken."""

    async def test_who_has_to_wait_is_not_overtaken(self, world: World) -> None:
        """The order in the trail is that in which things were decided."""
        await world.trail.record(ISSUED)
        world.near.open_door.clear()
        waiting = asyncio.create_task(world.trail.record(CREATED))
        await asyncio.sleep(0)
        behind = asyncio.create_task(world.trail.record(REFUSED))
        await asyncio.sleep(0)
        world.near.open_door.set()
        await asyncio.gather(waiting, behind)

        assert world.near.events == ["token.issued", "client.created", "token.refused"]

    async def test_what_is_recorded_is_there_when_it_is_answered(self, world: World) -> None:
        """Without a turn of the event loop in between."""
        await world.trail.record(ISSUED)

        with pytest.raises(StopIteration):
            world.trail.record(CREATED).send(None)

        assert world.near.events == ["token.issued", "client.created"]

    @pytest.mark.parametrize("at_once", [True, False])
    async def test_a_failure_between_is_told_before_what_comes_next(
        self, world: World, *, at_once: bool
    ) -> None:
        world.near.at_once = at_once
        await world.trail.record(ISSUED)
        world.near.error = OSError(28, "No space left on device")
        await world.trail.record(ISSUED)
        world.near.error = None
        await world.trail.record(CREATED)

        assert world.near.events == ["token.issued", "trail.resumed", "client.created"]
        assert world.counts.missing == 1


class TestFile:
    """One file, while others move it, empty it and break its last line."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "audit.jsonl"

    @pytest.fixture
    def trail(self, path: Path) -> WrittenAuditTrail:
        return WrittenAuditTrail([FilePlace(path)], clock=FixedClock(), counts=Counts())

    def move_away(self, path: Path, *, number: int = 1) -> Path:
        return path.rename(path.with_suffix(f".{number}"))

    def remove(self, path: Path) -> None:
        path.unlink()

    def leave_half_a_line(self, path: Path) -> None:
        path.write_text('{"event":"tok')

    def told(self, path: Path, *, behind: int = 0) -> list[str]:
        return [json.loads(line)["event"] for line in path.read_text().splitlines()[behind:]]

    async def test_after_it_was_moved_away_lines_go_into_a_new_one(
        self, path: Path, trail: WrittenAuditTrail
    ) -> None:
        """From the next turn of the event loop on, and none goes missing."""
        await trail.record(ISSUED)
        await trail.record(ISSUED)
        old = self.move_away(path)
        await asyncio.sleep(0)
        await trail.record(CREATED)
        await trail.record(REFUSED)
        await trail.close()

        assert self.told(old) == ["token.issued", "token.issued"]
        assert self.told(path) == ["client.created", "token.refused"]

    async def test_what_came_after_the_move_is_told_in_the_new_one(
        self, path: Path, trail: WrittenAuditTrail
    ) -> None:
        """Over and over: whoever moves it and then asks finds what was decided for him there."""
        asked, answered = asyncio.StreamReader(), asyncio.StreamReader()

        async def serve() -> None:
            while line := await asked.readline():
                await trail.record(ISSUED)
                answered.feed_data(line)

        serving = asyncio.create_task(serve())
        moved = []
        for number in range(20):
            asked.feed_data(b"?\n")
            await answered.readline()
            if number % 2:
                moved.append(self.move_away(path, number=number))
        asked.feed_eof()
        await serving

        assert [self.told(old) for old in moved] == [["token.issued"] * 2] * 10

    async def test_in_one_turn_the_path_is_looked_at_once(
        self, path: Path, trail: WrittenAuditTrail, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of thirty requests that are answered at once, one pays for it."""
        looked_at: list[object] = []
        stat = os.stat

        def look(where: str | int) -> os.stat_result:
            looked_at.append(where)
            return stat(where)

        await trail.record(ISSUED)
        monkeypatch.setattr("adapters.telemetry.audit_places.os.stat", look)
        for _ in range(30):
            await trail.record(ISSUED)
        await asyncio.sleep(0)
        for _ in range(30):
            await trail.record(ISSUED)

        assert looked_at == [str(path)] * 2
        assert self.told(path) == ["token.issued"] * 61

    async def test_what_is_removed_within_a_turn_is_made_anew_by_the_next(
        self, path: Path, trail: WrittenAuditTrail
    ) -> None:
        await trail.record(ISSUED)
        await trail.record(ISSUED)
        self.remove(path)
        await asyncio.sleep(0)
        await trail.record(CREATED)

        assert self.told(path) == ["client.created"]

    def test_a_look_holds_for_no_other_event_loop(
        self, path: Path, trail: WrittenAuditTrail
    ) -> None:
        """A command may run one loop after the other, with the trail that it has."""
        asyncio.run(trail.record(ISSUED))
        asyncio.run(trail.record(ISSUED))
        old = self.move_away(path)
        asyncio.run(trail.record(CREATED))

        assert self.told(old) == ["token.issued", "token.issued"]
        assert self.told(path) == ["client.created"]

    async def test_half_a_line_of_another_is_left_alone(
        self, path: Path, trail: WrittenAuditTrail
    ) -> None:
        """Somebody met a full disk: what comes next begins a line of its own."""
        self.leave_half_a_line(path)
        await trail.record(ISSUED)
        await trail.record(CREATED)
        await trail.close()

        assert self.told(path, behind=1) == ["token.issued", "client.created"]


class TestNotRequired:
    async def test_a_failure_refuses_nothing_and_is_logged_once(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One line for an outage, however long, and another for its end."""
        world.near.error = OSError(28, "No space left on device")
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                await world.trail.require()
                await world.trail.record(ISSUED)
            world.near.error = None
            await world.trail.record(ISSUED)

        assert [(line.levelname, line.getMessage()) for line in caplog.records] == [
            (
                "ERROR",
                "the audit trail cannot be written to a shelf: No space left on device",
            ),
            (
                "WARNING",
                "the audit trail is written to a shelf again: 3 missing since " + WRITTEN,
            ),
        ]
        assert world.counts.missing == 3

    async def test_what_is_missing_is_told_in_the_trail(self, world: World) -> None:
        """Whoever reads it later sees the gap, and who was not concerned has none."""
        await world.trail.record(ISSUED)
        world.near.error = OSError("gone")
        await world.trail.record(ISSUED)
        world.near.error = None
        await world.trail.record(ISSUED)
        await world.trail.close()

        assert world.near.events == ["token.issued", "trail.resumed", "token.issued"]
        resumed = world.near.batches[1][0]
        assert resumed["outcome"] == "alarm"
        assert resumed["change"] == f"1 missing since {resumed['at']}"
        assert world.far.events == ["token.issued"] * 3

    async def test_nothing_waits_for_a_place_far_away(self, world: World) -> None:
        world.far.open_door.clear()

        async with asyncio.timeout(1):
            await world.trail.record(ISSUED)

        assert world.far.events == []
        world.far.open_door.set()
        await world.trail.close()
        assert world.far.events == ["token.issued"]

    async def test_what_waits_is_bounded_and_the_rest_counts_as_missing(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A store that hangs does not fill the memory."""
        monkeypatch.setattr(audit_gathering, "MOST_WAITING", 10)
        world.far.open_door.clear()
        for _ in range(25):
            await world.trail.record(ISSUED)
            await asyncio.sleep(0)
        world.far.open_door.set()
        await world.trail.close()

        assert world.counts.missing == 25 - 11  # one was on its way
        assert world.far.events.count("token.issued") == 11


class TestRequired:
    @pytest.mark.parametrize("place", ["near", "far"])
    @pytest.mark.parametrize("event", [ISSUED, REFUSED], ids=["issued", "refused"])
    async def test_what_cannot_be_written_is_refused(
        self, strict: World, place: str, event: AuditEvent
    ) -> None:
        getattr(strict, place).error = Unavailable("Redis: gone")

        with pytest.raises(Unavailable) as refusal:
            await strict.trail.record(event)

        assert refusal.value.detail == "the audit trail cannot be written to a shelf: Redis: gone"
        assert not refusal.value.hint

    async def test_of_what_was_done_already_the_refusal_says_so(self, strict: World) -> None:
        """A client that was created is there, and repeating the command would confuse."""
        strict.near.error = OSError(28, "No space left on device")

        with pytest.raises(Unavailable) as refusal:
            await strict.trail.record(CREATED)

        assert refusal.value.hint == "it was done, but is not in the audit trail"
        assert refusal.value.detail == (
            "it was done, but is not in the audit trail:"
            " the audit trail cannot be written to a shelf: No space left on device"
        )

    async def test_before_the_first_change_it_is_tried(self, strict: World) -> None:
        """Or every command that meets a full disk would change something unseen."""
        await strict.trail.require()
        await strict.trail.record(CREATED)
        await strict.trail.require()
        await strict.trail.close()

        expected = ["trail.opened", "client.created"]
        assert strict.near.events == strict.far.events == expected

    async def test_many_at_once_try_it_once(self, strict: World) -> None:
        await asyncio.gather(*(strict.trail.require() for _ in range(20)))

        assert strict.near.events == strict.far.events == ["trail.opened"]

    @pytest.mark.parametrize("place", ["near", "far"])
    async def test_while_a_place_is_broken_nothing_may_change(
        self, strict: World, place: str
    ) -> None:
        """And as soon as it is not, everything may."""
        broken: Shelf = getattr(strict, place)
        broken.error = OSError("gone")
        with pytest.raises(Unavailable):
            await strict.trail.require()
        with pytest.raises(Unavailable):
            await strict.trail.record(REFUSED)
        strict.clock.advance(timedelta(minutes=1))
        with pytest.raises(Unavailable):
            await strict.trail.require()
        broken.error = None
        await strict.trail.require()
        await strict.trail.record(CREATED)

        assert broken.events == ["trail.resumed", "client.created"]
        assert broken.batches[0][0]["change"] == "1 missing since " + WRITTEN


@pytest.mark.parametrize("required", [False, True])
async def test_a_trail_that_is_off_is_still_counted(*, required: bool) -> None:
    counts = Counts()
    trail = WrittenAuditTrail([], required=required, clock=FixedClock(), counts=counts)

    await trail.require()
    await trail.record(ISSUED)
    await trail.close()

    assert counts.kinds == {EventKind.TOKEN_ISSUED: 1}


async def test_a_line_on_a_stream_is_there_at_once(tmp_path: Path) -> None:
    """No buffer keeps it back, to lose it with the process."""
    with (tmp_path / "stream").open("w") as stream:
        await StreamPlace("a stream", stream).append([entry_of(ISSUED)])

        assert json.loads((tmp_path / "stream").read_text())["event"] == "token.issued"


async def test_what_a_stream_did_not_take_does_not_come_later() -> None:
    """It counts as missing, and a buffer that kept it would make that untrue."""
    with Path("/dev/full").open("w") as stream:  # noqa: ASYNC230  (no disk behind it)
        with pytest.raises(OSError, match="No space left"):
            await StreamPlace("a stream", stream).append([entry_of(ISSUED)])
        stream.flush()


async def test_a_reader_who_pauses_makes_events_missing_and_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """He is waited for a moment, once; when he goes on so does the trail."""
    monkeypatch.setattr(audit_places, "_LOOKS_FOR_A_READER", 3)
    reading, writing = os.pipe()
    counts = Counts()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w") as stream:
        capacity = fcntl(writing, F_SETPIPE_SZ, 8_192)
        os.write(writing, bytes(capacity))
        trail = WrittenAuditTrail(
            [StreamPlace("a stream", stream)], clock=FixedClock(), counts=counts
        )

        await trail.record(ISSUED)
        await trail.record(ISSUED)
        assert reader.read(capacity) == bytes(capacity)
        await trail.record(ISSUED)

        told = [json.loads(line)["event"] for line in reader.read(capacity).splitlines()]
    assert told == ["trail.resumed", "token.issued"]
    assert counts.missing == 2


async def test_a_stream_that_was_closed_is_a_failure_like_any_other(tmp_path: Path) -> None:
    """An event that cannot be written down did not happen quietly."""
    with (tmp_path / "stream").open("w") as stream:
        pass
    trail = WrittenAuditTrail(
        [StreamPlace("a stream", stream)], required=True, clock=FixedClock(), counts=Counts()
    )

    with pytest.raises(Unavailable):
        await trail.record(ISSUED)
