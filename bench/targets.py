"""What grantd means to reach, and whether a run shows it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bench.results import FLOOR, Growth, Results, Series, Trips, find, ratio

STORES: Final = ("sqlite", "redis")
CORES_LEFT: Final = 0.1  # processors that a generator may take of those that two workers need
_WARM: Final = 0.1


class State(StrEnum):
    MET = "met"
    NOT_MET = "not met"
    UNDECIDED = "undecided"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Verdict:
    target: str
    wanted: str
    measured: str
    state: State
    note: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """One target, and how a run is judged by it.

    Attributes:
        measure: Returns the number that counts, or None if it was not measured.
    """

    target: str
    bound: float
    measure: Callable[[Results], float | None]
    at_most: bool = False
    form: str = "{:.2f}"
    excuse: Callable[[Results], str] = lambda _: ""

    def judge(self, results: Results) -> Verdict:
        wanted = f"{'≤' if self.at_most else '≥'} {self.form.format(self.bound)}"
        measured = self.measure(results)
        if measured is None:
            return Verdict(self.target, wanted, "", State.NOT_MEASURED)
        shown = self.form.format(measured)
        met = measured <= self.bound if self.at_most else measured >= self.bound
        if met:
            return Verdict(self.target, wanted, shown, State.MET)
        note = self.excuse(results)
        return Verdict(self.target, wanted, shown, State.UNDECIDED if note else State.NOT_MET, note)


def judge(results: Results, goals: Iterable[Goal] | None = None) -> list[Verdict]:
    return [goal.judge(results) for goal in (GOALS if goals is None else goals)]


def _of_floor(what: str, store: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(results.peak, what, store, FLOOR)


def _of_peer(
    what: str, store: str, peers: Sequence[str], of: str
) -> Callable[[Results], float | None]:
    """Compare with the best of *peers*, whatever kind of token it is asked about."""

    def measure(results: Results) -> float | None:
        ratios = [
            found
            for peer in peers
            if (found := ratio(results.peak, what, store, peer, of=of)) is not None
        ]
        return min(ratios) if len(ratios) == len(peers) else None

    return measure


def _tail(what: str, store: str) -> Callable[[Results], float | None]:
    return lambda results: ratio_within(find(results.latency, what, store))


def ratio_within(series: Series | None) -> float | None:
    return None if series is None else series.median("p99_ms") / series.median("p50_ms")


def _two_workers(what: str, store: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(results.workers, what, f"{store}, two workers", store)


def _crowded(what: str, store: str) -> Callable[[Results], str]:
    """Say so if the generator did not leave both processors to the workers."""

    def excuse(results: Results) -> str:
        two = find(results.workers, what, f"{store}, two workers")
        one = find(results.workers, what, store)
        if one is None or two is None or two.median("generator_cores") <= CORES_LEFT:
            return ""
        left = 2 * one.median("server_us") / two.median("server_us")
        return (
            f"the generator took {two.median('generator_cores'):.2f} processors, the workers had"
            f" {two.median('server_cores'):.2f} of {results.machine['processors']};"
            f" by processor time two workers are worth {left:.2f}"
        )

    return excuse


def _trips(what: str, of: Callable[[Trips], float]) -> Callable[[Results], float | None]:
    def measure(results: Results) -> float | None:
        return max((of(one) for one in results.trips if one.what.endswith(what)), default=None)

    return measure


def growth(one: Growth) -> float | None:
    """Return MiB for a million requests: the slope, once the worker is warm."""
    last = max((n for n, _ in one.points), default=0)
    points = [(n, mib) for n, mib in one.points if n >= _WARM * last]
    if len(points) < 2:  # noqa: PLR2004  (a line)
        return None
    middle_n = sum(n for n, _ in points) / len(points)
    middle_mib = sum(mib for _, mib in points) / len(points)
    spread = sum((n - middle_n) ** 2 for n, _ in points)
    return 1e6 * sum((n - middle_n) * (mib - middle_mib) for n, mib in points) / spread


def _growth(results: Results) -> float | None:
    slopes = [slope for one in results.memory if (slope := growth(one)) is not None]
    return max(slopes, default=None)


def _fullness(results: Results) -> float | None:
    return max((one.full_us / one.few_us for one in results.full), default=None)


def _start(results: Results) -> float | None:
    return sorted(results.starts_s)[len(results.starts_s) // 2] if results.starts_s else None


def _shares() -> Iterable[Goal]:
    for what, shares in (
        ("http issue ES256", (0.60, 0.50)),
        ("http introspect ES256", (0.40, 0.30)),
        ("grpc introspect ES256", (0.70, 0.70)),
        ("grpc issue ES256", (0.55, 0.55)),
    ):
        for store, share in zip(STORES, shares, strict=True):
            yield Goal(f"{what}, {store}: share of its floor", share, _of_floor(what, store))


def _tails() -> Iterable[Goal]:
    for what, store in _everything():
        yield Goal(
            f"{what}, {store}: p99 over p50 at 70 % of the peak",
            5.0,
            _tail(what, store),
            at_most=True,
        )


def _pairs_of_workers() -> Iterable[Goal]:
    for what, store in _everything():
        yield Goal(
            f"{what}, {store}: two workers over one",
            1.7,
            _two_workers(what, store),
            excuse=_crowded(what, store),
        )


def _everything() -> Iterable[tuple[str, str]]:
    """Return every request by the default algorithm, on every store."""
    for protocol in ("http", "grpc"):
        for kind in ("issue", "introspect"):
            for store in STORES:
                yield f"{protocol} {kind} ES256", store


GOALS: Final[tuple[Goal, ...]] = (
    *_shares(),
    *_tails(),
    Goal(
        "issue: gathered reads",
        1,
        _trips("issue", lambda one: one.most_reads),
        at_most=True,
        form="{:.0f}",
    ),
    Goal(
        "issue: writes", 0, _trips("issue", lambda one: one.most_steps), at_most=True, form="{:.0f}"
    ),
    Goal(
        "introspect: gathered reads",
        1,
        _trips("introspect", lambda one: one.most_reads + one.most_steps),
        at_most=True,
        form="{:.0f}",
    ),
    Goal(
        "refresh: round trips",
        2,
        _trips("refresh", lambda one: one.most_reads + one.most_steps),
        at_most=True,
        form="{:.0f}",
    ),
    *_pairs_of_workers(),
    Goal("memory of a worker: MiB for a million requests", 1.0, _growth, at_most=True),
    Goal("many records: how much slower", 1.10, _fullness, at_most=True),
    Goal("cold start to the first token on SQLite: seconds", 1.0, _start, at_most=True),
)

OIDC_JWT: Final = "oidc-provider, JWT"
JMONDI: Final = "@jmondi, JWT in Redis"
OIDC_OPAQUE: Final = "oidc-provider, opaque in Redis"

PEER_GOALS: Final[tuple[Goal, ...]] = (
    *(
        Goal(
            f"http issue ES256, {store}: over oidc-provider with JWT",
            1.3,
            _of_peer("http issue ES256", store, [OIDC_JWT], "per_second"),
        )
        for store in STORES
    ),
    Goal(
        "http issue ES256, redis: over @jmondi in Redis, by second of processor",
        1.0,
        _of_peer("http issue ES256", "redis", [JMONDI], "per_processor_second"),
    ),
    Goal(
        "http introspect ES256, redis: over the better of both peers in Redis",
        1.6,
        _of_peer("http introspect ES256", "redis", [OIDC_OPAQUE, JMONDI], "per_second"),
    ),
)
