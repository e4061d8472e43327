"""`grantd import`: clients of another server."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from adapters.imports import bshaffer, hydra, keycloak, league
from domain.model.imported_clients import ForeignClient, ImportedClient, ImportReport, Outcome
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.inputs import called, read_at_most
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

_LARGEST: Final = 16 * 1_024 * 1_024


class _Format(StrEnum):
    """Whose export it is."""

    BSHAFFER = "bshaffer"
    YII2 = "yii2"
    LEAGUE = "league"
    HYDRA = "hydra"
    KEYCLOAK = "keycloak"


_READERS: Final[Mapping[_Format, Callable[[bytes], tuple[ForeignClient, ...]]]] = {
    _Format.BSHAFFER: bshaffer.read,
    _Format.YII2: bshaffer.read,  # which extends that library and keeps its tables
    _Format.LEAGUE: league.read,
    _Format.HYDRA: hydra.read,
    _Format.KEYCLOAK: keycloak.read,
}


@takes_settings(*ADMINISTRATIVE)
def import_(
    source: Annotated[
        _Format,
        typer.Argument(metavar="SOURCE", help=f"Whose export it is: {', '.join(_Format)}."),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="An SQLite database, CSV or the output of mysql --batch (bshaffer, yii2, league),"
            " or JSON (hydra, keycloak); - is standard input.",
        ),
    ],
    *,
    settings: Settings,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Take over the clients of another server, with their ids and secrets.

    Each client is taken on its own: one that cannot come along is named with
    the reason, and the rest goes on. A client that is here already is never
    touched, so a second run finishes what a first one began. The exit status
    is 1 if there was nothing in the file but what was refused.
    """
    clients = _READERS[source](_content(file))
    report = with_core(settings, lambda core: core.import_clients(clients, dry_run=dry_run))
    if as_json:
        output.document(_document(report, dry_run=dry_run))
    else:
        _present(report, dry_run=dry_run)
    only_refused = 0 < report.count(Outcome.REFUSED) == len(report.clients)
    return ExitStatus.REFUSED if only_refused else ExitStatus.DONE


def _content(path: Path) -> bytes:
    try:
        content = read_at_most(path, _LARGEST + 1)
    except OSError as error:
        raise Refused(f"{called(path)} cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise Refused(f"{called(path)} is larger than {_LARGEST // 1_024 // 1_024} MiB")
    return content


def _document(report: ImportReport, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "taken": report.count(Outcome.TAKEN),
        "already_here": report.count(Outcome.ALREADY_HERE),
        "refused": report.count(Outcome.REFUSED),
        "scopes_created": list(report.scopes),
        "clients": [
            {
                "client_id": one.client_id,
                "place": one.place,
                "outcome": one.outcome,
                "changed": list(one.changed),
                "reason": one.reason,
            }
            for one in report.clients
        ],
    }


def _present(report: ImportReport, *, dry_run: bool) -> None:
    output.table(
        ("CLIENT ID", "OUTCOME", "WHY, OR WHAT IS DIFFERENT"),
        (
            (one.client_id or one.place, one.outcome, remark)
            for one in report.clients
            for remark in _remarks(one)
        ),
        empty="There are no clients in that file.",
    )
    if report.scopes:
        output.note(f"{'Would create' if dry_run else 'Created'} the scopes: {report.scopes}")
    counts = ", ".join(f"{report.count(outcome)} {outcome}" for outcome in Outcome)
    output.note(f"{'Nothing was written. It would be: ' if dry_run else ''}{counts}.")


def _remarks(one: ImportedClient) -> tuple[str, ...]:
    """Return what is said of a client, a line each; at least one, so that it is shown."""
    return one.changed or (one.reason,)
