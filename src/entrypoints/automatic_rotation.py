"""Rotating signing keys by the clock, without cron: the supervisor looks from time to time (D6)."""

import asyncio
import sys
from contextlib import suppress
from datetime import timedelta

import structlog

from domain.errors import GrantdError
from entrypoints.container import open_core
from entrypoints.meters import meters
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings

log = structlog.get_logger()

_LONGEST_PAUSE = timedelta(minutes=10)
_SHORTEST_PAUSE = timedelta(seconds=1)
_LOOKS_BEFORE_DUE = 4  # so that a key signs hardly longer than was asked for


async def rotate_when_due(settings: Settings, stopping: asyncio.Event) -> None:
    """Look at once and then regularly whether a key is due, if there is an interval at all.

    A store that fails is asked again the next time.
    """
    interval = settings.key_rotation_interval
    if interval is None:
        return
    pause = pause_between_looks(interval - settings.key_announcement)
    while not stopping.is_set():
        await _look(settings, interval)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause.total_seconds())


def pause_between_looks(spare: timedelta) -> timedelta:
    """Return how long not to look.

    Args:
        spare: The time from a key's first signature to the announcement of its successor.
    """
    return min(max(spare / _LOOKS_BEFORE_DUE, _SHORTEST_PAUSE), _LONGEST_PAUSE)


async def _look(settings: Settings, interval: timedelta) -> None:
    try:
        async with open_core(settings, counts=meters().audit, stdout=sys.stdout) as core:
            for key_id in await core.rotate_due_keys(interval):
                log.info("signing key announced", key_id=key_id)
    except (GrantdError, RefusedToStart) as error:
        log.warning("signing keys could not be looked at", reason=str(error))
    except Exception:  # a fault in here must not end the service
        log.exception("signing keys could not be looked at")
