"""How many cores `--workers auto` counts."""

import os
from pathlib import Path

import pytest

from entrypoints.cores import usable_cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that this process may be scheduled on eight."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    path = tmp_path / "cgroup"
    path.write_text("1:name=systemd:/elsewhere\n0::/pods/one\n")
    return path


def grant(group: Path, limit: str) -> None:
    group.mkdir(parents=True, exist_ok=True)
    (group / "cpu.max").write_text(limit)


def test_without_a_limit_they_are_those_it_may_be_scheduled_on(tmp_path: Path, ours: Path) -> None:
    """Neither in its own group nor in one around it."""
    cgroups = tmp_path / "fs"
    grant(cgroups / "pods/one", "max 100000\n")

    assert usable_cores(cgroups=cgroups, ours=ours) == 8
    assert usable_cores(cgroups=tmp_path / "none", ours=tmp_path / "nothing") == 8


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("9900000 100000", 8)],
)
@pytest.mark.parametrize("group", ["pods/one", "pods", "."])
def test_the_least_share_counts_rounded_up(
    tmp_path: Path, ours: Path, group: str, limit: str, cores: int
) -> None:
    """Of its own group or of any around it; in a container that is the root."""
    cgroups = tmp_path / "fs"
    grant(cgroups / "pods/one", "max 100000")
    grant(cgroups / group, limit)
    grant(tmp_path, "1 100000")  # no group

    assert usable_cores(cgroups=cgroups, ours=ours) == cores
