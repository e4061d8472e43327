"""What the commands that change a scope and those that change a resource share."""

from collections.abc import Mapping
from typing import Annotated

import typer

from domain.model.etags import Etag
from entrypoints.cli.exits import ExitStatus, Refused

IfEtag = Annotated[
    str | None,
    typer.Option(metavar="ETAG", help="Only if it is still what `show` told with this etag."),
]


def etag(given: str | None) -> Etag | None:
    return Etag(given) if given is not None else None


def refuse_both(name: str, *, is_given: bool) -> None:
    """Refuse a flag that is given and unset at once."""
    if is_given:
        raise Refused(f"--{name} and --unset {name} at once", ExitStatus.WRONG_USAGE)


def require_some(changes: Mapping[str, object]) -> None:
    """Refuse a change of nothing."""
    if not changes:
        raise Refused("there is nothing to change: see --help", ExitStatus.WRONG_USAGE)
