"""The table of what a run of the suite came to."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.faults.suite import Verdict

_TITLES = ("deployment", "fault", "runs", "operations", "unknown", "lost", "alarms", "verdict")


def row(verdict: Verdict) -> dict[str, Any]:
    """Return what the table needs, as JSON has it."""
    return {
        "deployment": verdict.deployment,
        "fault": verdict.fault,
        "operations": verdict.operations,
        "unknown": verdict.unknown,
        "lost": {str(kind): count for kind, count in verdict.lost.items()},
        "alarms": verdict.alarms,
        "is_lossy": verdict.is_lossy,
        "is_sound": not verdict.findings,
    }


@dataclass(slots=True)
class _Line:
    operations: int = 0
    unknown: int = 0
    alarms: int = 0
    runs: int = 0
    sound: int = 0
    is_lossy: bool = False
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, told: Mapping[str, Any]) -> None:
        self.runs += 1
        self.operations += told["operations"]
        self.unknown += told["unknown"]
        self.alarms += told["alarms"]
        self.sound += told["is_sound"]
        self.is_lossy = told["is_lossy"]
        self.lost.update(told["lost"])

    def words(self) -> tuple[str, ...]:
        lost = ", ".join(f"{count} {kind}" for kind, count in sorted(self.lost.items()))
        nothing = "nothing" if self.is_lossy else "-"
        verdict = "sound" if self.sound == self.runs else f"WRONG {self.runs - self.sound} times"
        counts = (self.runs, self.operations, self.unknown)
        return (*map(str, counts), lost or nothing, str(self.alarms), verdict)


def lines(told: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write a line for each deployment and fault, all rounds together."""
    found: defaultdict[tuple[str, str], _Line] = defaultdict(_Line)
    for each in told:
        found[each["deployment"], each["fault"]].add(each)
    rows = [_TITLES, *((*names, *found[names].words()) for names in sorted(found))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for each_row in rows:
        yield "  ".join(word.ljust(width) for word, width in zip(each_row, widths, strict=True))
