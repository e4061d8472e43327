"""A worker process, as its supervisor has it: its settings, its signs of life, its end."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self

from entrypoints.settings import Settings

BEAT_EVERY: Final = 5.0
"""How often a worker writes a line, in seconds."""

STORE_AWAY: Final = 3
"""The exit status of a worker that cannot start for want of its store."""

_START_WITHIN: Final = 30.0
_SILENCES: Final = 3  # not one long one: all processes may have slept, and then speak in any order
_A_SILENCE: Final = 2 * BEAT_EVERY


class WorkerProcess:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._end = asyncio.create_task(process.wait())
        self._reported = process.stdout or asyncio.StreamReader()

    @classmethod
    async def start(cls, module: str, *, lent: Sequence[int]) -> Self:
        """Start *module* as a fresh interpreter, which serves once it gets settings.

        Args:
            lent: The descriptors that it gets, as its arguments too.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "entrypoints.start_worker",
            module,
            *map(str, lent),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=tuple(lent),
        )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._end.done()

    def hand_over(self, settings: Settings) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(settings.model_dump_json().encode() + b"\n")

    async def ready(self) -> bool:
        """Wait until it says that it serves; tell whether it has done so in time."""
        try:
            async with asyncio.timeout(_START_WITHIN):
                return bool(await self._reported.readline())
        except TimeoutError:
            return False

    async def silent(self) -> bool:
        """Return when it has shown no sign of life for too long, or False when it has ended.

        It has to be ready.
        """
        silences = 0
        while silences < _SILENCES:
            try:
                async with asyncio.timeout(_A_SILENCE):
                    if not await self._reported.readline():
                        await self.ended()
                        return False
                silences = 0
            except TimeoutError:
                silences += 1
        return True

    async def ended(self) -> int:
        """Return its exit status; less than zero is the signal that ended it."""
        return await asyncio.shield(self._end)

    def ask_to_stop(self) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
