"""The look that the supervisor takes at the keys from time to time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.errors import Unavailable
from entrypoints import automatic_rotation
from entrypoints.automatic_rotation import pause_between_looks, rotate_when_due
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings
from support.domain_samples import DAY, SECOND

ROTATING = Settings(key_rotation_interval=90 * DAY)


async def test_a_look_that_fails_is_told_and_the_next_one_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it fails by: the service goes on."""
    failures = iter([Unavailable("away"), RefusedToStart("no master key"), RuntimeError("a bug")])
    asked: list[timedelta] = []
    stopping = asyncio.Event()

    async def rotate_due_keys(interval: timedelta) -> list[str]:
        asked.append(interval)
        stopping.set()
        return ["new"]

    @asynccontextmanager
    async def open_core(_settings: Settings, **_parts: object) -> AsyncIterator[Any]:
        for failure in failures:
            raise failure
        yield SimpleNamespace(rotate_due_keys=rotate_due_keys)

    monkeypatch.setattr(automatic_rotation, "open_core", open_core)
    monkeypatch.setattr(automatic_rotation, "_LONGEST_PAUSE", timedelta())

    with capture_logs() as logs:
        await asyncio.wait_for(rotate_when_due(ROTATING, stopping), 5)

    assert asked == [90 * DAY]
    assert [log["log_level"] for log in logs] == ["warning", "warning", "error", "info"]
    assert logs[-1]["key_id"] == "new"


async def test_without_an_interval_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_core(_settings: Settings, **_parts: object) -> Iterator[None]:
        raise AssertionError("looked")

    monkeypatch.setattr(automatic_rotation, "open_core", open_core)

    await rotate_when_due(Settings(), asyncio.Event())


@pytest.mark.parametrize(
    ("spare", "pause"),
    [
        (SECOND, SECOND),
        (60 * SECOND, 15 * SECOND),
        (89 * DAY, 600 * SECOND),
    ],
)
def test_looks_are_frequent_enough_for_the_interval(spare: timedelta, pause: timedelta) -> None:
    """And never so frequent that the store would notice."""
    assert pause_between_looks(spare) == pause
