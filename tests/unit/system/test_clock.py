import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

import pytest

from adapters.system.clock import SystemClock


def test_the_time_is_aware_utc_in_whole_milliseconds() -> None:
    """As the port demands."""
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1_000 == 0
    assert abs(now.timestamp() - time.time()) < 5


def test_the_time_does_not_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands still until the system has caught up."""
    clock = SystemClock()
    told = []
    for milliseconds in (5_000, 5_000, 4_000, 4_999, 5_001):
        monkeypatch.setattr(time, "time_ns", lambda at=milliseconds: at * 1_000_000 + 999_999)
        told.append(clock.now() - datetime.fromtimestamp(0, UTC))
    assert told == [timedelta(milliseconds=ms) for ms in (5_000, 5_000, 5_000, 5_000, 5_001)]


def test_a_thread_that_was_overtaken_does_not_set_the_time_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another told a later time between its look at the system's clock and its turn to set ours."""
    clock = SystemClock()

    def set_system(milliseconds: int) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: milliseconds * 1_000_000)

    @contextmanager
    def overtaking() -> Iterator[None]:
        clock._lock = Lock()
        set_system(5_001)
        clock.now()
        yield

    set_system(5_000)
    monkeypatch.setattr(clock, "_lock", overtaking())

    told = [clock.now() for _ in range(2)]

    assert told == [datetime.fromtimestamp(5.001, UTC)] * 2


def test_two_clocks_agree() -> None:
    """Both tell the system's time."""
    first, second = SystemClock(), SystemClock()
    earlier, between, later = first.now(), second.now(), first.now()
    assert earlier <= between <= later
