"""Whether this process can do its work and wants any: one judgement, for both edges."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from domain.errors import Unavailable
from domain.ports.probe import NotReady, Probe

_FRESH: Final = 1.0  # seconds
_PATIENCE: Final = 0.7  # so that whoever waits for a second, as a kubelet does, gets an answer
_TO_CANCEL: Final = 0.1

_NO_ANSWER: Final = "no answer in time"
_UNREACHABLE: Final = "unreachable"
_FAILED: Final = "failed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProbeState:
    """What is known of one probe.

    Attributes:
        reason: Why it is not good, in fixed words for anybody; "" if it is.
    """

    name: str
    reason: str = ""

    @property
    def is_good(self) -> bool:
        return not self.reason


class Readiness:
    """Asks each probe once a second at most, however many want to know.

    A probe that has not answered within a bound, shorter than a second, is
    taken for one that does not work.
    """

    def __init__(self, probes: Sequence[Probe] = ()) -> None:
        self._examinations = tuple(_Examination(probe) for probe in probes)
        self._draining = asyncio.Event()

    @property
    def is_draining(self) -> bool:
        return self._draining.is_set()

    def drain(self) -> None:
        """Ask for no more requests, for good. Those that come are served all the same."""
        self._draining.set()

    async def states(self) -> Sequence[ProbeState]:
        """Return what is known of every probe, none of it older than a second or so."""
        return await asyncio.gather(*(one.state() for one in self._examinations))

    async def is_ready(self) -> bool:
        if self.is_draining:
            return False
        return all(state.is_good for state in await self.states()) and not self.is_draining

    async def changes(self) -> AsyncIterator[bool]:
        """Yield whether this process is ready: now, and whenever it changes.

        The last is that it is not, because it drains.
        """
        told: bool | None = None
        while True:
            last = self.is_draining
            ready = await self.is_ready()
            if ready is not told:
                told = ready
                yield ready
            if last:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), _FRESH)


class _Examination:
    """One probe, and the last that it said."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._state = ProbeState(probe.name)
        self._ended = -math.inf
        self._under_way: asyncio.Task[None] | None = None

    async def state(self) -> ProbeState:
        now = asyncio.get_running_loop().time()
        if now - self._ended < _FRESH:
            return self._state
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._examine())
        examination = self._under_way
        await asyncio.wait({examination}, timeout=_PATIENCE + _TO_CANCEL)
        if not examination.done():  # it will not even be cancelled
            self._note(_NO_ANSWER)
        return self._state

    async def _examine(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._probe.check()
        except NotReady as failure:
            self._note(failure.reason, failure)
        except TimeoutError as failure:
            self._note(_NO_ANSWER, failure)
        except Unavailable as failure:
            self._note(_UNREACHABLE, failure)
        except Exception as failure:  # noqa: BLE001  (whatever a probe meets, it has failed)
            self._note(_FAILED, failure)
        else:
            self._note("")
        finally:
            self._under_way = None

    def _note(self, reason: str, failure: Exception | None = None) -> None:
        self._ended = asyncio.get_running_loop().time()
        name = self._probe.name
        if reason and reason != self._state.reason:
            _log.warning("probe %s failed: %s: %r", name, reason, failure)
        elif self._state.reason and not reason:
            _log.warning("probe %s works again", name)
        self._state = ProbeState(name, reason)
