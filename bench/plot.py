"""Throughput and latency over concurrency, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.results import FLOOR, Series, by_what

_COLOURS: Final = {"sqlite": "tab:blue", "redis": "tab:red", FLOOR: "tab:gray"}
_INCHES: Final = (4.2, 3.2)


def plot(curve: Sequence[Series], path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  (half a second, for who has something to draw)

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    grouped = by_what(one for one in curve if one.rounds)
    width, height = _INCHES
    figure, axes = plt.subplots(
        2, len(grouped), figsize=(width * len(grouped), height * 2), squeeze=False
    )
    for place, (what, series) in enumerate(grouped.items()):
        above, below = axes[0][place], axes[1][place]
        for server in dict.fromkeys(one.server for one in series):
            points = sorted(
                (one for one in series if one.server == server), key=lambda one: one.at_once
            )
            at_once = [one.at_once for one in points]
            colour = _COLOURS.get(server)
            above.plot(
                at_once,
                [one.median("per_second") for one in points],
                marker="o",
                label=server,
                color=colour,
            )
            for name, style in (("p50_ms", "-"), ("p99_ms", "--")):
                below.plot(
                    at_once,
                    [one.median(name) for one in points],
                    style,
                    marker="o",
                    label=f"{server}, {name.partition('_')[0]}",
                    color=colour,
                )
        above.set_title(what)
        above.set_ylim(bottom=0)
        below.set_yscale("log")
        below.set_xlabel("requests under way together")
        for one in (above, below):
            one.set_xscale("log", base=2)
            one.grid(alpha=0.3)
            one.legend(fontsize="small")
    axes[0][0].set_ylabel("a second")
    axes[1][0].set_ylabel("milliseconds")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
