"""Who has used the processors, and how much memory is taken."""

import os
import resource
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_MIB: Final = 1 << 20
_KIB_IN_MIB: Final = 1 << 10


def family(pid: int) -> Sequence[int]:
    """Return a process and all that descend from it."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    return []


def busy(pids: Iterable[int]) -> float:
    """Return the processor seconds that they have had so far, their threads included."""
    return sum(user + system for user, system in map(_times, pids))


def _user(pids: Iterable[int]) -> float:
    return sum(user for user, _ in map(_times, pids))


def _times(pid: int) -> tuple[float, float]:
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(pid).cpu_times()
        return times.user, times.system
    return 0.0, 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """In MiB; `pss` divides what is shared among those who share it."""

    rss: float
    pss: float


def memory(pids: Iterable[int]) -> Memory:
    rss = pss = 0.0
    for pid in pids:
        with suppress(OSError, psutil.NoSuchProcess):
            rss += psutil.Process(pid).memory_info().rss / _MIB
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            pss += int(rollup.partition("\nPss:")[2].split(maxsplit=1)[0]) / _KIB_IN_MIB
    return Memory(rss, pss)


@dataclass(frozen=True, slots=True)
class Moment:
    """What had been used until then.

    User time alone tells of others: the kernel's own, for the network between
    server and generator, is nobody's in particular.
    """

    server: float
    store: float
    children: float
    machine_user: float
    known_user: float

    @classmethod
    def now(
        cls, server: Sequence[int], store: Sequence[int], everything: Sequence[int]
    ) -> "Moment":
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = resource.getrusage(resource.RUSAGE_SELF)
        return cls(
            busy(server),
            busy(store),
            ended.ru_utime + ended.ru_stime,
            _machine_user(),
            _user(everything) + ended.ru_utime + ours.ru_utime,
        )

    def others_since(self, before: "Moment") -> float:
        """Return the user seconds that belong to nobody who is measured."""
        return max(
            0.0, self.machine_user - before.machine_user - (self.known_user - before.known_user)
        )


def _machine_user() -> float:
    user, nice = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:3]
    return (int(user) + int(nice)) / _TICKS
