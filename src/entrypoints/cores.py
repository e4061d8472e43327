"""How many cores this process may use."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CGROUPS: Final = Path("/sys/fs/cgroup")
_OURS: Final = Path("/proc/self/cgroup")
_UNBOUND: Final = "max"


def usable_cores(*, cgroups: Path = _CGROUPS, ours: Path = _OURS) -> int:
    """Count those it may be scheduled on, as far as its share of time lets it fill them.

    A container is mostly held to a share (`cpu.max` of cgroup v2), not to
    certain cores; a share of one and a half is two.
    """
    allowed = len(os.sched_getaffinity(0))
    return max(1, min((allowed, *(math.ceil(quota) for quota in _quotas(cgroups, ours)))))


def _quotas(cgroups: Path, ours: Path) -> Iterator[float]:
    """Yield what our group and those around it may use, in cores."""
    for group in _groups(cgroups, ours):
        try:
            share, period = (group / "cpu.max").read_text(encoding="ascii").split()
        except (OSError, ValueError):
            continue  # the outermost has none, nor has a host without cgroup v2
        if share != _UNBOUND:
            yield int(share) / int(period)


def _groups(cgroups: Path, ours: Path) -> Iterator[Path]:
    try:
        lines = ours.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith("0::/"):  # cgroups(7): that of version 2
            group = cgroups / line.removeprefix("0::/")
            yield from (
                group,
                *(around for around in group.parents if cgroups in (around, *around.parents)),
            )
