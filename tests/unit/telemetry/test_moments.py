"""Acting at once for many: the first at once, the rest together, and none forgotten."""

import asyncio

import pytest

from adapters.telemetry import moments
from adapters.telemetry.moments import OncePerMoment, a_moment_later

pytestmark = pytest.mark.usefixtures("long_moments")

MOMENT = 0.05


@pytest.fixture
def long_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOMENT", MOMENT)


class Acts:
    """Keeps how much was there at each act."""

    def __init__(self) -> None:
        self.waiting = 0
        self.taken: list[int] = []
        self.soon = OncePerMoment(self._take)

    def come(self) -> None:
        self.waiting += 1
        self.soon.ask()

    def _take(self) -> None:
        self.taken.append(self.waiting)
        self.waiting = 0


async def test_the_first_turn_is_acted_on_at_its_end() -> None:
    """Together, and nobody waits for who may come."""
    acts = Acts()

    for _ in range(3):
        acts.come()
    assert acts.taken == []
    await asyncio.sleep(0)

    assert acts.taken == [3]


async def test_what_comes_in_the_moment_after_is_acted_on_together() -> None:
    """However many turns it takes to come."""
    acts = Acts()
    acts.come()
    await asyncio.sleep(0)

    for _ in range(100):
        acts.come()
        await asyncio.sleep(0)
    assert acts.taken == [1]
    await a_moment_later()

    assert acts.taken == [1, 100]


async def test_who_comes_after_a_rest_is_first_again() -> None:
    acts = Acts()
    acts.come()
    await asyncio.sleep(2 * MOMENT)

    acts.come()
    await asyncio.sleep(0)

    assert acts.taken == [1, 1]


async def test_who_asks_while_it_acts_is_heard() -> None:
    """What could not be done is tried again a moment later, not at once."""
    tries: list[int] = []

    def try_thrice() -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            soon.ask()

    soon = OncePerMoment(try_thrice)
    soon.ask()
    await asyncio.sleep(0)
    assert tries == [0]
    await a_moment_later()
    await a_moment_later()

    assert tries == [0, 1, 2]


async def test_an_act_that_fails_is_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    """The event loop reports it."""
    acts: list[str] = []

    def fail_once() -> None:
        acts.append("act")
        if len(acts) == 1:
            raise ValueError("once")

    soon = OncePerMoment(fail_once)
    soon.ask()
    await asyncio.sleep(0)
    soon.ask()
    await a_moment_later()

    assert acts == ["act", "act"]
    assert "once" in caplog.text
