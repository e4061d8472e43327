"""Measure grantd beside the floor of its own stack, in one run.

    make bench                                all of it
    make bench BENCH="http sqlite peak"       a part of it
    python -m bench --help

The tables go to standard output, a line for each load to standard error, and
into build/bench/ the numbers (bench.json) and a picture (bench.png).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench.bed import REQUESTS, Bed, Request, laid
from bench.measuring import (
    Length,
    measure_bursts,
    measure_curve,
    measure_fullness,
    measure_latency,
    measure_memory,
    measure_peak,
    measure_starts,
    measure_trips,
    measure_workers,
)
from bench.occasion import machine, stop_in_order, told
from bench.plot import plot
from bench.report import BUILD, summary, tables
from bench.results import Results, write
from bench.servers.grantd import ES256
from bench.targets import GOALS, STORES, judge

Measure = Callable[[Bed, Length, Results], None]

PARTS: Final[dict[str, tuple[Measure, bool]]] = {
    "peak": (measure_peak, True),
    "workers": (measure_workers, False),
    "latency": (measure_latency, False),
    "curve": (measure_curve, False),
    "bursts": (measure_bursts, False),
    "trips": (measure_trips, False),
    "memory": (measure_memory, False),
    "starts": (measure_starts, False),
    "full": (measure_fullness, False),
}
"""Each part, and whether it measures the other algorithms besides ES256."""

_PROTOCOLS: Final = ("http", "grpc")
_KINDS: Final = ("issue", "introspect")
_ALGORITHMS: Final = ("ES256", "RS256")
_GRANTD: Final = Path(sys.executable).with_name("grantd")


def chosen(words: Sequence[str], among: Sequence[str]) -> list[str]:
    """Return those that were named, or all if none was."""
    return [one for one in among if one in words] or list(among)


def requests_of(words: Sequence[str]) -> list[Request]:
    protocols, kinds, algorithms = (
        chosen(words, among) for among in (_PROTOCOLS, _KINDS, _ALGORITHMS)
    )
    return [
        one
        for one in REQUESTS
        if one.protocol in protocols and one.kind in kinds and one.algorithm in algorithms
    ]


def run(words: Sequence[str], length: Length, programs: dict[str, Path], results: Results) -> None:
    """Measure what was named, into *results*, which keeps what there is if it ends early."""
    requests = requests_of(words)
    with tempfile.TemporaryDirectory(prefix="grantd-bench-") as name:
        folder = Path(name)
        stores = chosen(words, STORES)
        with laid(folder, programs=programs, stores=stores, requests=requests) as bed:
            for part in chosen(words, tuple(PARTS)):
                measure, all_algorithms = PARTS[part]
                measured = requests if all_algorithms else _by_default(requests)
                began = time.monotonic()
                measure(bed.asking(measured), length, results)
                took = time.monotonic() - began
                print(f"{part}: {took:.0f} s", file=sys.stderr, flush=True)


def _by_default(requests: Sequence[Request]) -> Sequence[Request]:
    return [one for one in requests if one.algorithm == ES256] or requests


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure grantd beside the floor of its own stack."
    )
    words = (*PARTS, *_PROTOCOLS, *_KINDS, *STORES, *_ALGORITHMS)
    parser.add_argument("words", nargs="*", help=f"what to measure: {', '.join(words)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each load")
    parser.add_argument("--requests", type=int, default=1_000_000, help="while memory is looked at")
    parser.add_argument("--records", type=int, default=1_000_000, help="in the full store")
    parser.add_argument("--beside", type=Path, help="another grantd, measured in the same run")
    parser.add_argument("--out", type=Path, default=BUILD, help="where JSON and picture go")
    given = parser.parse_args(arguments)
    if unknown := set(given.words) - set(words):
        parser.error(f"nothing is called {', '.join(sorted(unknown))}")
    programs = {"": _GRANTD} | ({" beside": given.beside} if given.beside else {})
    length = Length(given.rounds, given.seconds, given.requests, given.records)
    results = Results(machine=machine(), options=told(length, " ".join(given.words)))
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        run(given.words, length, programs, results)
    finally:
        (given.out / "bench.json").write_bytes(write(results))
    if results.curve:
        plot(results.curve, given.out / "bench.png")
    for text in tables(results, GOALS).values():
        print(text, end="\n\n")
    print(summary(judge(results)))


if __name__ == "__main__":
    stop_in_order()
    main(sys.argv[1:])
