"""The fault suite: how often, with which seed, and the table at its end."""

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.faults.suite import Fault, Site, Strike, suffer
from support.faults.table import lines, row

_EVIDENCE = Path(__file__).resolve().parents[2] / "build" / "faults"
_KEY = "fault"
_ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "1"))
# In the environment, so that the processes of one run have one seed.
_SEED = os.environ.setdefault("FAULTS_SEED", str(random.SystemRandom().randrange(1_000_000)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every fault of a module as many rounds as were asked for, and number them."""
    if "fault" not in metafunc.fixturenames:
        return
    faults: Sequence[Fault[Any]] = metafunc.module.FAULTS
    rounds = range(1, _ROUNDS + 1)
    metafunc.parametrize("round_number", rounds, ids=lambda number: f"round {number}")
    metafunc.parametrize(
        "fault",
        [
            pytest.param(fault, marks=[] if fault.is_in_short_form else pytest.mark.at_length)
            for fault in faults
        ],
        ids=str,
    )


@pytest.fixture
def strike(round_number: int, record_property: Callable[[str, object], None]) -> Strike:
    """Let a fault strike a server, and fail unless nothing comes of it that may not."""

    async def strike(site: Site, fault: Fault[Any]) -> None:
        name = f"{site.deployment}, {fault.name}, {round_number}"
        verdict = await suffer(
            site,
            fault,
            seed=f"{_SEED} {name}",
            evidence=_EVIDENCE / f"{name.replace(' ', '-').replace(',', '')}.jsonl",
        )
        record_property(_KEY, row(verdict))
        assert not verdict.findings, f"FAULTS_SEED={_SEED}: {verdict}"

    return strike


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what each fault came to, of all processes."""
    told = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for key, value in report.user_properties
        if key == _KEY
    ]
    if told:
        terminalreporter.section(f"faults, FAULTS_SEED={_SEED}")
        for line in lines(told):
            terminalreporter.write_line(line)
