"""What is read at the end of a run of the fault suite."""

from collections import Counter
from pathlib import Path

from support.faults.checker import Finding, Kind
from support.faults.suite import Verdict
from support.faults.table import lines, row


def verdict(fault: str, *findings: Finding, lost: int = 0, is_lossy: bool = False) -> Verdict:
    return Verdict(
        deployment="Redis",
        fault=fault,
        operations=100,
        unknown=7,
        lost=Counter({Kind.LOST_TOKEN: lost} if lost else {}),
        alarms=lost,
        is_lossy=is_lossy,
        findings=list(findings),
        evidence=Path("history"),
    )


def test_the_rounds_of_a_fault_are_one_line() -> None:
    """With what was lost, and how often it was more than may be."""
    half = Finding(Kind.HALF, "f1", "some ended")
    verdicts = [
        verdict("killed"),
        verdict("killed", half),
        verdict("frozen, no wait", lost=2, is_lossy=True),
        verdict("frozen, no wait", lost=1, is_lossy=True),
        verdict("slow, no wait", is_lossy=True),
    ]

    table = [" ".join(line.split()) for line in lines(map(row, verdicts))]

    assert table == [
        "deployment fault runs operations unknown lost alarms verdict",
        "Redis frozen, no wait 2 200 14 3 lost token 3 sound",
        "Redis killed 2 200 14 - 0 WRONG 1 times",
        "Redis slow, no wait 1 100 7 nothing 0 sound",
    ]
