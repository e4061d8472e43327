"""The measurements of a run, each into its place of the results."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import uvloop
from bench import fill
from bench.bed import Bed, Request
from bench.checks import WrongReply, check_outcomes
from bench.load.burst import burst
from bench.load.closed import closed_loop, undisturbed
from bench.load.loads import Load, Target
from bench.load.paced import paced
from bench.load.processors import memory
from bench.results import Bursts, Fullness, Growth, Results, Series, Trips, find
from bench.servers import http_replies
from bench.servers.floors import call
from bench.servers.grantd import Grantd

AT_ONCE: Final = 32
SHARE: Final = 0.7
_CURVE: Final = (1, 4, 16, 64, 200)
WARM_UP: Final = 1.0
_PEAK_OF_LATENCY: Final = 2.0
_ASKED_SINGLY: Final = 50
_LOG_LAGS: Final = 0.2  # seconds until a line is written
_STARTS: Final = 5
_CHUNK: Final = 4.0
_GRPC_IS_SLOWER: Final = 4
_ROUNDS_OF_WORKERS: Final = 3
_CONTEST_ROUNDS: Final = 2_000
_TIMES_THE_CAPACITY: Final = 10
_IN_A_BURST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Length:
    """How much is measured."""

    rounds: int
    seconds: float
    requests: int
    records: int


def measure_peak(bed: Bed, length: Length, results: Results) -> None:
    """Load each endpoint and its floor in turns."""
    for request in bed.requests:
        with _watched(bed, request):
            results.peak += in_turns(bed.folder, bed.contenders(request), str(request), length)


def in_turns(
    folder: Path,
    contenders: Mapping[str, Target],
    what: str,
    length: Length,
    *,
    warm_up: float = WARM_UP,
) -> list[Series]:
    """Load each of several endpoints, round after round."""
    series = {name: Series(what=what, server=name, at_once=AT_ONCE) for name in contenders}
    for target in contenders.values():
        closed_loop(target, folder, at_once=AT_ONCE, seconds=warm_up)
    for turn in range(length.rounds):
        order = list(contenders.items())
        for name, target in order if turn % 2 else reversed(order):
            load = closed_loop(target, folder, at_once=AT_ONCE, seconds=length.seconds)
            series[name].rounds.append(load)
            _tell(what, name, load)
    return list(series.values())


def _tell(what: str, server: str, load: Load) -> None:
    print(
        f"{what}, {server}: {load.per_second:,.0f} a second, {load.server_us:.1f} µs each,"
        f" p50 {load.p50_ms:.2f} ms, p99 {load.p99_ms:.2f} ms, others {load.others:.2f}",
        file=sys.stderr,
        flush=True,
    )


@contextmanager
def _watched(bed: Bed, request: Request) -> Iterator[None]:
    """Check replies on both sides of the block, and that no request in it was refused."""
    bed.check(request)
    before = {name: server.ended() for name, server in bed.grantd.items()}
    yield
    for name, server in bed.grantd.items():
        check_outcomes(before[name], server.ended())
    bed.check(request)


def measure_latency(bed: Bed, length: Length, results: Results) -> None:
    """Ask at a fixed share of what each can do at most."""
    for request in bed.requests:
        with _watched(bed, request):
            contenders = bed.contenders(request)
            series = {
                name: Series(what=str(request), server=name, at_once=0) for name in contenders
            }
            results.latency += series.values()
            peaks = {
                name: _peak(bed, target, find(results.peak, str(request), name))
                for name, target in contenders.items()
            }
            for _ in range(length.rounds):
                for name, target in contenders.items():
                    load = _paced(target, rate=SHARE * peaks[name], seconds=length.seconds)
                    series[name].rounds.append(load)
                    _tell(f"{request} at {SHARE:.0%}", name, load)


def _peak(bed: Bed, target: Target, found: Series | None) -> float:
    if found is not None:
        return found.median("per_second")
    return closed_loop(target, bed.folder, at_once=AT_ONCE, seconds=_PEAK_OF_LATENCY).per_second


def _paced(target: Target, *, rate: float, seconds: float) -> Load:
    return undisturbed(target, lambda: paced(target, rate=rate, seconds=seconds))


def measure_curve(bed: Bed, _: Length, results: Results) -> None:
    """Load each endpoint with ever more requests under way together."""
    for request in bed.requests:
        with _watched(bed, request):
            for at_once in _CURVE:
                for name, target in bed.contenders(request).items():
                    load = closed_loop(target, bed.folder, at_once=at_once, seconds=WARM_UP)
                    series = Series(what=str(request), server=name, at_once=at_once)
                    series.rounds.append(load)
                    results.curve.append(series)
                    _tell(f"{request}, {at_once} at once", name, load)


def measure_workers(bed: Bed, length: Length, results: Results) -> None:
    """Load one worker and two in turns, on the same store."""
    with ExitStack() as stack:
        doubled = {
            name: stack.enter_context(one.serving(workers=2))
            for name, one in bed.installations.items()
        }
        for request in bed.requests:
            for name, two in doubled.items():
                with _watched(bed, request):
                    request.check(two)
                    before = two.ended()
                    contenders = {
                        name: request.of(bed.grantd[name]),
                        f"{name}, two workers": request.of(two),
                    }
                    fewer = replace(length, rounds=min(length.rounds, _ROUNDS_OF_WORKERS))
                    series = in_turns(bed.folder, contenders, str(request), fewer)
                    series[-1].workers = 2
                    results.workers += series
                    check_outcomes(before, two.ended())


def measure_trips(bed: Bed, _: Length, results: Results) -> None:
    """Ask one after another, and read in the request log what each waited for."""
    for store, server in bed.grantd.items():
        for request in bed.requests:
            _ask(request.of(server))  # what the first of a client leaves behind is left
            lines = _logged(server, partial(_ask, request.of(server)))
            results.trips.append(_trips_of(f"{request.protocol} {request.kind}", store, lines))
        results.trips.append(_trips_of("http refresh", store, _refreshes(server)))


def _ask(target: Target) -> None:
    for _ in range(_ASKED_SINGLY):
        if target.protocol == "http":
            http_replies.ask(target, target.bodies[0])
        else:
            call(target)


def _logged(server: Grantd, ask: Callable[[], None]) -> list[dict[str, Any]]:
    """Return the lines of the request log that came of asking."""
    began = server.request_log.stat().st_size
    ask()
    time.sleep(_LOG_LAGS)
    with server.request_log.open("rb") as log:
        log.seek(began)
        lines = [json.loads(line) for line in log]
    return [line for line in lines if line.get("event") == "request"]


def _trips_of(what: str, store: str, lines: Sequence[Mapping[str, Any]]) -> Trips:
    if len(lines) < _ASKED_SINGLY or any(line["outcome"] != "ok" for line in lines):
        raise WrongReply(f"{what}, {store}: the request log has other lines than requests made")
    reads, steps = ([line[f"store_{kind}"] for line in lines] for kind in ("reads", "steps"))
    return Trips(
        what=what,
        store=store,
        most_reads=max(reads),
        most_steps=max(steps),
        mean=(sum(reads) + sum(steps)) / len(lines),
    )


def _refreshes(server: Grantd) -> list[dict[str, Any]]:
    token = server.refresh_token(server.refresh_token())  # the first use of a grant is noted

    def refresh() -> None:
        nonlocal token
        for _ in range(_ASKED_SINGLY):
            token = server.refresh_token(token)

    return _logged(server, refresh)


def measure_memory(bed: Bed, length: Length, results: Results) -> None:
    """Look at a worker's memory while it answers request after request."""
    store, server = next(iter(bed.grantd.items()))
    for protocol in dict.fromkeys(request.protocol for request in bed.requests):
        growth = Growth(what=protocol, store=store)
        results.memory.append(growth)
        wanted = length.requests if protocol == "http" else length.requests // _GRPC_IS_SLOWER
        requests = [one for one in bed.requests if one.protocol == protocol]
        answered = 0
        for request in cycle(requests):
            with _watched(bed, request):
                target = request.of(server)
                load = closed_loop(target, bed.folder, at_once=AT_ONCE, seconds=_CHUNK)
            answered += load.requests
            growth.points.append((answered, memory(target.server()).rss))
            if answered >= wanted:
                break
        print(f"memory, {protocol}: {growth.points}", file=sys.stderr, flush=True)


def measure_fullness(bed: Bed, length: Length, results: Results) -> None:
    """Time requests in process, in turns on a full store and on one with few records."""
    for store in dict.fromkeys(name.partition(" ")[0] for name in bed.installations):
        folder = bed.folder / f"full-{store}"
        folder.mkdir()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            contests = runner.run(fill.contests(folder, store, length.records, _CONTEST_ROUNDS))
        results.full += [
            Fullness(
                what=one.what,
                store=store,
                records=length.records,
                few_us=one.few_us,
                full_us=one.full_us,
            )
            for one in contests
        ]


def measure_bursts(bed: Bed, length: Length, results: Results) -> None:
    """Ask for ten times what can be answered, for a moment."""
    for request in bed.requests:
        if request.protocol != "http":
            continue  # what is too much for grpc.aio is refused in it, and not by us
        bed.check(request)
        for store, server in bed.grantd.items():
            target = request.of(server)
            rate = _TIMES_THE_CAPACITY * _peak(bed, target, find(results.peak, str(request), store))
            calm = _paced(target, rate=SHARE * rate / _TIMES_THE_CAPACITY, seconds=length.seconds)
            bursts = Bursts(what=str(request), server=store, calm_p99_ms=calm.p99_ms)
            results.bursts.append(bursts)
            before = memory(target.server()).rss
            for _ in range(length.rounds):
                bursts.rounds.append(burst(target, requests=_IN_A_BURST, rate=rate))
            bursts.growth_mib = memory(target.server()).rss - before
            print(f"burst, {request}, {store}: {bursts}", file=sys.stderr, flush=True)
        bed.check(request)


def measure_starts(bed: Bed, _: Length, results: Results) -> None:
    """Time from starting the program to holding a token, on a store that is there."""
    installation = next(iter(bed.installations.values()))
    for _turn in range(_STARTS):
        results.starts_s.append(installation.first_token())
    print(f"cold starts: {results.starts_s}", file=sys.stderr, flush=True)
