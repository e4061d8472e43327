"""What a run of `make bench` found, as it stands in its JSON file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import msgspec
from bench.load.burst import Burst
from bench.load.loads import Load

FLOOR: Final = "floor"


@dataclass(slots=True, kw_only=True)
class Series:
    """The rounds of one endpoint of one server.

    Attributes:
        what: Protocol, request and algorithm: `http issue ES256`.

        server: `sqlite` and `redis` are grantd on that store.

        at_once: How many requests were under way together.
    """

    what: str
    server: str
    at_once: int
    workers: int = 1
    rounds: list[Load] = field(default_factory=list)

    def median(self, name: str) -> float:
        return median(_number(one, name) for one in self.rounds)


@dataclass(slots=True, kw_only=True)
class Trips:
    """What requests that come one after another wait for at the store: the most and the mean."""

    what: str
    store: str
    most_reads: int
    most_steps: int
    mean: float


@dataclass(slots=True, kw_only=True)
class Growth:
    """Memory of a worker over many requests: (requests so far, MiB)."""

    what: str
    store: str
    points: list[tuple[int, float]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Fullness:
    """Microseconds with a hundred records of each kind and with many."""

    what: str
    store: str
    records: int
    few_us: float
    full_us: float


@dataclass(slots=True, kw_only=True)
class Bursts:
    """Bursts of ten times the capacity, and p99 at 70 % of it in the same run."""

    what: str
    server: str
    calm_p99_ms: float
    growth_mib: float = 0.0
    rounds: list[Burst] = field(default_factory=list)

    def median(self, name: str) -> float:
        return median(float(getattr(one, name)) for one in self.rounds)


@dataclass(slots=True, kw_only=True)
class Results:
    machine: dict[str, str]
    options: dict[str, str]
    peak: list[Series] = field(default_factory=list)
    workers: list[Series] = field(default_factory=list)
    latency: list[Series] = field(default_factory=list)
    curve: list[Series] = field(default_factory=list)
    trips: list[Trips] = field(default_factory=list)
    bursts: list[Bursts] = field(default_factory=list)
    memory: list[Growth] = field(default_factory=list)
    full: list[Fullness] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)


def _number(load: Load, name: str) -> float:
    return float(getattr(load, name))


def find(series: Iterable[Series], what: str, server: str) -> Series | None:
    for one in series:
        if (one.what, one.server) == (what, server) and one.rounds:
            return one
    return None


def ratio(
    series: Sequence[Series], what: str, server: str, to: str, *, of: str = "per_second"
) -> float | None:
    """Return the median of the rounds' ratios; None where either was not measured."""
    one, other = find(series, what, server), find(series, what, to)
    if one is None or other is None:
        return None
    pairs = zip(one.rounds, other.rounds, strict=False)  # rounds are of one time
    return median(_number(a, of) / _number(b, of) for a, b in pairs)


def write(results: Results) -> bytes:
    return msgspec.json.format(msgspec.json.encode(results), indent=1)


def read(text: bytes) -> Results:
    return msgspec.json.decode(text, type=Results)


def by_what(series: Iterable[Series]) -> Mapping[str, list[Series]]:
    grouped: dict[str, list[Series]] = {}
    for one in series:
        grouped.setdefault(one.what, []).append(one)
    return grouped
