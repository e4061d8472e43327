"""How what is known of the probes is kept, bounded and told."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from adapters import readiness
from adapters.readiness import Readiness
from domain.errors import Unavailable
from domain.ports.probe import NotReady


class StagedProbe:
    """Does what a test says, and counts how often it is asked."""

    def __init__(self, name: str = "store") -> None:
        self.name = name
        self.asked = 0
        self.failure: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def check(self) -> None:
        self.asked += 1
        await self.answers.wait()
        if self.failure is not None:
            raise self.failure


class StubbornProbe(StagedProbe):
    """Will not be cancelled, as a thread would not."""

    async def check(self) -> None:
        waiting = asyncio.create_task(super().check())
        while not waiting.done():
            try:
                await asyncio.shield(waiting)
            except asyncio.CancelledError:
                continue


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a tenth of the time."""
    for name in ("_FRESH", "_PATIENCE", "_TO_CANCEL"):
        monkeypatch.setattr(readiness, name, getattr(readiness, name) / 10)


async def reasons(ready: Readiness) -> dict[str, str]:
    return {state.name: state.reason for state in await ready.states()}


def test_whoever_waits_a_second_gets_an_answer() -> None:
    """It is how long a kubelet waits, unless told otherwise."""
    assert readiness._PATIENCE + readiness._TO_CANCEL < 0.9


async def test_however_many_ask_a_probe_is_asked_once_a_second() -> None:
    """Whoever asks at the same time shares the answer, and so does who asks soon after."""
    probe = StagedProbe()
    ready = Readiness([probe])

    await asyncio.gather(*(ready.is_ready() for _ in range(100)))
    assert await ready.is_ready()

    assert probe.asked == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Unavailable("tell-tale"), "unreachable"),
        (NotReady("clocks differ", "tell-tale"), "clocks differ"),
        (RuntimeError("tell-tale"), "failed"),
    ],
)
async def test_a_failing_probe_is_named_with_a_fixed_reason(
    failure: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever else there is to say is for the log."""
    probe, other = StagedProbe(), StagedProbe("clock")
    probe.failure = failure
    ready = Readiness([probe, other])

    with caplog.at_level(logging.WARNING):
        assert await reasons(ready) == {"store": reason, "clock": ""}

    assert not await ready.is_ready()
    assert "tell-tale" in caplog.text


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("kind", [StagedProbe, StubbornProbe])
async def test_a_probe_that_hangs_holds_nobody(kind: type[StagedProbe]) -> None:
    """It is taken for one that failed, is not asked again meanwhile, and recovers."""
    probe, other = kind(), StagedProbe("clock")
    probe.answers.clear()
    ready = Readiness([probe, other])

    async with asyncio.timeout(0.5):
        assert await reasons(ready) == {"store": "no answer in time", "clock": ""}
    probe.answers.set()
    await asyncio.sleep(0.15)

    assert await reasons(ready) == {"store": "", "clock": ""}
    assert probe.asked <= 2


@pytest.mark.usefixtures("hasty")
async def test_a_log_line_tells_of_each_change_and_not_of_each_look(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An outage of an hour is two lines."""
    probe = StagedProbe()
    ready = Readiness([probe])
    with caplog.at_level(logging.WARNING):
        for probe.failure in (None, Unavailable("a"), Unavailable("b"), None, None):
            await ready.states()
            await asyncio.sleep(0.11)

    assert probe.asked == 5
    assert [record.message for record in caplog.records] == [
        "probe store failed: unreachable: Unavailable('a')",
        "probe store works again",
    ]


@pytest.mark.usefixtures("hasty")
async def test_a_watcher_hears_of_every_change_and_of_the_drain() -> None:
    """What stays as it is is not told twice."""
    probe = StagedProbe()
    ready = Readiness([probe])
    changes: AsyncIterator[bool] = ready.changes()

    async with asyncio.timeout(5):
        assert await anext(changes) is True
        probe.failure = Unavailable()
        assert await anext(changes) is False
        probe.failure = None
        assert await anext(changes) is True
        ready.drain()
        assert [told async for told in changes] == [False]


async def test_a_process_that_drains_is_not_ready_whatever_its_probes_say() -> None:
    """And it says so to whoever begins to watch."""
    ready = Readiness([StagedProbe()])

    ready.drain()

    assert not await ready.is_ready()
    assert [told async for told in ready.changes()] == [False]
