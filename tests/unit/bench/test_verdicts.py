"""A run's numbers become ratios and verdicts, and tables that say all of them."""

import pytest
from bench.__main__ import PARTS, chosen, requests_of
from bench.checks import WrongReply, check_outcomes
from bench.load.burst import Burst
from bench.load.loads import Load
from bench.report import PAGE, put, tables
from bench.results import (
    FLOOR,
    Bursts,
    Fullness,
    Growth,
    Results,
    Series,
    Trips,
    ratio,
    read,
    write,
)
from bench.servers.grantd import outcomes
from bench.targets import GOALS, PEER_GOALS, STORES, State, growth, judge

WHATS = tuple(
    f"{edge} {kind} ES256" for edge in ("http", "grpc") for kind in ("issue", "introspect")
)


def load(per_second: float, *, generator_cores: float = 0.5, p99_ms: float = 4.0) -> Load:
    return Load(
        per_second=per_second,
        requests=1_000,
        p50_ms=1.0,
        p99_ms=p99_ms,
        server_us=1e6 / per_second,
        store_us=0.0,
        server_cores=1.0,
        generator_cores=generator_cores,
        others=0.0,
        rss_mib=70.0,
        pss_mib=60.0,
    )


def series(what: str, server: str, *rates: float) -> Series:
    return Series(what=what, server=server, at_once=32, rounds=[load(rate) for rate in rates])


def complete() -> Results:
    """Return the results of a run that measured everything."""
    results = Results(machine={"processors": "2"}, options={"rounds": "3"})
    for what in WHATS:
        results.peak.append(series(what, FLOOR, 1_000, 1_000, 1_000))
        for store in STORES:
            results.peak.append(series(what, store, 800, 700, 100))
            results.latency.append(series(what, store, 500))
            results.workers += [
                series(what, store, 1_000),
                series(what, f"{store}, two workers", 1_500),
            ]
    results.trips = [
        Trips(what=what, store="redis", most_reads=1, most_steps=0, mean=1.0)
        for what in ("http issue", "http introspect", "http refresh")
    ]
    results.bursts = [
        Bursts(
            what="http issue ES256",
            server="sqlite",
            calm_p99_ms=5.0,
            rounds=[
                Burst(
                    admitted=300,
                    refused=1_700,
                    admitted_p50_ms=30.0,
                    admitted_p99_ms=60.0,
                    refused_p99_ms=50.0,
                )
            ],
        )
    ]
    results.memory = [
        Growth(what="http", store="sqlite", points=[(0, 70.0), (90, 71.0), (100, 71.0)])
    ]
    results.full = [Fullness(what="issue", store="sqlite", records=10, few_us=100.0, full_us=105.0)]
    results.starts_s = [0.9, 0.8, 3.0]
    return results


def test_a_ratio_is_of_rounds_of_one_time() -> None:
    """Medians of servers would compare different times."""
    some = [series("http issue ES256", "sqlite", 10, 40), series("http issue ES256", FLOOR, 20, 40)]
    assert ratio(some, "http issue ES256", "sqlite", FLOOR) == pytest.approx(0.75)
    assert ratio(some, "http issue ES256", "redis", FLOOR) is None


def test_every_target_has_a_verdict() -> None:
    """Of a run that measured everything, none is left out."""
    verdicts = judge(complete())
    assert len(verdicts) == len(GOALS)
    assert State.NOT_MEASURED not in {one.state for one in verdicts}
    shown = tables(complete(), GOALS)["targets"]
    assert all(one.target in shown for one in verdicts)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    """A part of a run claims nothing of the rest."""
    verdicts = judge(Results(machine={}, options={}), (*GOALS, *PEER_GOALS))
    assert {one.state for one in verdicts} == {State.NOT_MEASURED}


def test_targets_are_named_once() -> None:
    """So that two of them cannot be taken for one."""
    names = [goal.target for goal in (*GOALS, *PEER_GOALS)]
    assert len(names) == len(set(names))


def test_shares_of_the_floor_are_judged_by_the_median() -> None:
    """0.7 is enough for SQLite's 0.60, and the round at 0.1 does not count."""
    verdicts = {one.target: one for one in judge(complete())}
    one = verdicts["http issue ES256, sqlite: share of its floor"]
    assert (one.measured, one.state) == ("0.70", State.MET)


def test_two_workers_without_processors_to_themselves_are_undecided() -> None:
    """The generator's share is told, and what processor time says."""
    verdicts = {one.target: one for one in judge(complete())}
    one = verdicts["http issue ES256, sqlite: two workers over one"]
    assert one.state is State.UNDECIDED
    assert "the generator took 0.50 processors" in one.note


def test_two_workers_with_processors_to_themselves_are_judged() -> None:
    """Then there is no excuse."""
    results = complete()
    for one in results.workers:
        one.rounds = [load(one.rounds[0].per_second, generator_cores=0.01)]
    states = {one.state for one in judge(results) if "two workers" in one.target}
    assert states == {State.NOT_MET}


def test_growth_is_the_slope_once_warm() -> None:
    """What a worker takes for its first requests is no growth."""
    points = [(0, 50.0), (100_000, 70.0), (500_000, 70.4), (1_000_000, 70.9)]
    assert growth(Growth(what="http", store="sqlite", points=points)) == pytest.approx(1, abs=0.02)


def test_results_survive_their_file() -> None:
    """`python -m bench.report` writes the page from it."""
    assert read(write(complete())) == complete()


def test_a_table_is_put_between_its_markers() -> None:
    """And the prose around it stays."""
    page = "before\n<!-- bench: peak -->\nold\n<!-- end of bench: peak -->\nafter\n"
    written = put(page, "bench: peak", "new")
    assert written == page.replace("old", "new")
    with pytest.raises(ValueError, match="no place"):
        put(page, "bench: other", "new")


def test_the_page_has_a_place_for_every_table() -> None:
    """`python -m bench.report --write` finds them all."""
    page = PAGE.read_text()
    beside = Results(machine={}, options={}, peak=complete().peak)
    for run, results, goals in (("bench", complete(), GOALS), ("peers", beside, PEER_GOALS)):
        for name in ("machine", *tables(results, goals)):
            page = put(page, f"{run}: {name}", "new")


def test_a_refused_request_ends_the_run() -> None:
    """h2load does not see it, but the server counts it."""
    before = outcomes('grantd_requests_total{endpoint="token",outcome="ok"} 5.0\n')
    text = (
        'grantd_requests_total{endpoint="token",outcome="ok"} 9.0\n'
        'grantd_requests_total{endpoint="token",outcome="cancelled"} 1.0\n'
    )
    check_outcomes(before, outcomes(text))
    refused = text + 'grantd_requests_total{endpoint="token",outcome="invalid_client"} 1.0\n'
    with pytest.raises(WrongReply, match="invalid_client"):
        check_outcomes(before, outcomes(refused))


def test_words_choose_within_their_kind() -> None:
    """No word of a kind means all of that kind."""
    words = ["http", "sqlite", "peak"]
    assert {one.protocol for one in requests_of(words)} == {"http"}
    assert {one.kind for one in requests_of(words)} == {"issue", "introspect"}
    assert chosen(words, STORES) == ["sqlite"]
    assert chosen(words, tuple(PARTS)) == ["peak"]
    assert chosen([], STORES) == list(STORES)
