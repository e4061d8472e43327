"""The only place that prints: data on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

_ANY_WIDTH = 10_000  # a pipe has no edge at which to fold an id


def line(text: str = "") -> None:
    """Print one line of text, at once: whoever reads a pipe may be waiting for it."""
    print(text, flush=True)  # noqa: T201  (this is the place)


def sentence(text: str) -> None:
    """Print one line for people, with whatever names and texts others chose in it."""
    line(_visible(text))


def document(value: object) -> None:
    """Print JSON for programs."""
    line(json.dumps(value, ensure_ascii=False, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows for people, or say on standard error that there are none."""
    # Here and not above, because most commands print none.
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(_visible(cell)) for cell in row))
    if not shown.row_count:
        note(empty)
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _ANY_WIDTH)
    console.print(shown)


def facts(values: Mapping[str, object]) -> None:
    """Print one thing for people, a line for each fact that is set. Nothing is folded."""
    named = {_visible(name): text for name, value in values.items() if (text := _visible(value))}
    widest = max((len(name) for name in named), default=0)
    for name, text in named.items():
        line(f"{name:<{widest}}  {text}")


def done(value: object, text: str, *, as_json: bool) -> None:
    """Tell what a command did: the JSON of it to a program, a sentence to a person."""
    if as_json:
        document(value)
    else:
        note(text)


def note(text: str) -> None:
    """Tell the person something that is no data."""
    print(text, file=sys.stderr)  # noqa: T201  (this is the place)


def warn(text: str) -> None:
    note(f"grantd: warning: {_visible(text)}")


def refuse(text: str) -> None:
    note(f"grantd: {_visible(text)}")


def _visible(value: object) -> str:
    """Write a value for a terminal, which must not take any of it as a command."""
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case str():
            text = value
        case list() | tuple() | set() | frozenset():
            text = " ".join(str(one) for one in value)
        case _:
            text = str(value)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
