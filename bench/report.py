"""The tables of a run, for a terminal and for docs/benchmarks.md.

python -m bench.report            prints the last run
python -m bench.report --write    puts its tables into docs/benchmarks.md
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.results import FLOOR, Bursts, Growth, Results, Series, by_what, ratio, read
from bench.targets import GOALS, PEER_GOALS, Goal, State, Verdict, growth, judge, ratio_within

REPOSITORY: Final = Path(__file__).parents[1]
BUILD: Final = REPOSITORY / "build" / "bench"
PAGE: Final = REPOSITORY / "docs" / "benchmarks.md"
FILES: Final = {"bench": BUILD / "bench.json", "peers": BUILD / "peers.json"}

Row = Sequence[str]


def tables(results: Results, goals: Iterable[Goal]) -> dict[str, str]:
    """Return the tables of what was measured, by their names."""
    made = {
        "peak": _loads(results.peak, ratios=True),
        "latency": _latency(results.latency),
        "workers": _loads(results.workers, ratios=False),
        "bursts": _bursts(results.bursts),
        "rest": _rest(results),
        "targets": _targets(judge(results, goals)),
    }
    return {name: text for name, text in made.items() if text}


def _loads(series: Sequence[Series], *, ratios: bool) -> str:
    rows: list[Row] = []
    for what, some in by_what(one for one in series if one.rounds).items():
        for one in some:
            share = ratio(series, what, one.server, FLOOR) if ratios else None
            rows.append(
                (
                    what,
                    one.server,
                    f"{one.median('per_second'):,.0f}",
                    "" if share is None else f"{share:.2f}",
                    f"{one.median('server_us'):.1f}",
                    f"{one.median('store_us'):.1f}",
                    f"{one.median('p50_ms'):.2f}",
                    f"{one.median('p99_ms'):.2f}",
                    f"{one.median('rss_mib'):.0f}",
                    f"{one.median('generator_cores'):.2f}",
                    f"{max(load.others for load in one.rounds):.2f}",
                )
            )
    return _table(
        (
            *("", "server", "a second", "of floor", "server µs", "store µs"),
            *("p50 ms", "p99 ms", "RSS MiB", "generator", "others"),
        ),
        rows,
    )


def _latency(series: Sequence[Series]) -> str:
    rows = [
        (
            one.what,
            one.server,
            f"{one.median('per_second'):,.0f}",
            f"{one.median('p50_ms'):.2f}",
            f"{one.median('p99_ms'):.2f}",
            f"{ratio_within(one) or 0:.1f}",
        )
        for one in series
        if one.rounds
    ]
    return _table(
        ("at 70 % of the peak", "server", "a second", "p50 ms", "p99 ms", "p99/p50"), rows
    )


def _bursts(all_bursts: Sequence[Bursts]) -> str:
    rows = [
        (
            one.what,
            one.server,
            f"{one.median('admitted'):,.0f}",
            f"{one.median('admitted_p50_ms'):.1f}",
            f"{one.median('admitted_p99_ms'):.1f}",
            f"{one.calm_p99_ms:.1f}",
            f"{one.median('refused'):,.0f}",
            f"{one.median('refused_p99_ms'):.1f}",
            f"{one.growth_mib:+.1f}",
        )
        for one in all_bursts
    ]
    return _table(
        (
            *("ten times the capacity", "server", "admitted", "p50 ms", "p99 ms", "p99 in calm"),
            *("refused", "p99 ms", "RSS MiB"),
        ),
        rows,
    )


def _rest(results: Results) -> str:
    rows: list[Row] = [
        (
            f"store round trips, {one.what}, {one.store}",
            f"at most {one.most_reads} reads and {one.most_steps} steps, mean {one.mean:.2f}",
        )
        for one in results.trips
    ]
    rows += [(f"memory, {one.what}, {one.store}", _course(one)) for one in results.memory]
    rows += [
        (
            f"few clients and revocations and {one.records:,}, {one.what}, {one.store}",
            f"{one.few_us:.0f} and {one.full_us:.0f} µs: {one.full_us / one.few_us:.2f}",
        )
        for one in results.full
    ]
    if results.starts_s:
        shown = ", ".join(f"{seconds:.2f}" for seconds in sorted(results.starts_s))
        rows.append(("cold start to the first token, SQLite", f"{shown} s"))
    return _table(("", "measured"), rows)


def _course(one: Growth) -> str:
    (_, first), (requests, last) = one.points[0], one.points[-1]
    slope = growth(one)
    course = f"{first:.1f} to {last:.1f} MiB over {requests:,} requests"
    return course if slope is None else f"{course}, {slope:+.2f} a million"


def _targets(verdicts: Sequence[Verdict]) -> str:
    rows = [
        (one.target, one.wanted, one.measured, one.state.value, one.note)
        for one in verdicts
        if one.state is not State.NOT_MEASURED
    ]
    return _table(("target", "wanted", "measured", "", ""), rows)


def summary(verdicts: Sequence[Verdict]) -> str:
    counts = {state: sum(one.state is state for one in verdicts) for state in State}
    return ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)


def _table(head: Row, rows: Sequence[Row]) -> str:
    """Return a table of Markdown that reads well as plain text too."""
    if not rows:
        return ""
    used = [place for place in range(len(head)) if any(row[place] for row in rows)]
    columns = [[row[place] for row in (head, *rows)] for place in used]
    widths = [max(3, *map(len, column)) for column in columns]
    numeric = [_is_numeric(column[1:]) for column in columns]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rule = [
        f"{'-' * (width - 1)}{':' if right else '-'}"
        for width, right in zip(widths, numeric, strict=True)
    ]
    body = ([column[place] for column in columns] for place in range(len(rows) + 1))
    first, *others = (line(cells) for cells in body)
    return "\n".join((first, line(rule), *others))


def _is_numeric(cells: Sequence[str]) -> bool:
    return all(re.fullmatch(r"[\d.,]*", cell) for cell in cells)


def put(page: str, name: str, text: str) -> str:
    """Replace what stands between the markers of that name.

    Raises:
        ValueError: If the page has no such markers.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE.name} has no place for {name}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def machine(results: Results) -> str:
    facts = (*results.machine.items(), *results.options.items())
    return "\n".join(f"- {name}: {value}" for name, value in facts if value)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    given = parser.parse_args(arguments)
    page = PAGE.read_text() if given.write else ""
    for run, file in FILES.items():
        if not file.exists():
            continue
        results = read(file.read_bytes())
        goals = GOALS if run == "bench" else PEER_GOALS
        made = {"machine": machine(results), **tables(results, goals)}
        for name, text in made.items():
            if given.write:
                page = put(page, f"{run}: {name}", text)
            else:
                print(text, end="\n\n")
    if given.write:
        PAGE.write_text(page)


if __name__ == "__main__":
    main(sys.argv[1:])
