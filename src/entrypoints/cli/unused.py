"""`grantd clients unused`: what could be taken away without anybody missing it."""

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.usecases.report_unused import Disuse, Presence, UnusedReport
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.inputs import read_duration
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core

_SINCE = timedelta(days=90)


@takes_settings(*ADMINISTRATIVE)
def unused(
    *,
    settings: Settings,
    period: Annotated[
        timedelta | None,
        typer.Option(
            "--since",
            parser=read_duration,
            metavar="DURATION",
            help="How far to look back; 90d if left out, 400d at most is known.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell which scopes, grants and clients nobody used, and how to take them away."""

    async def work(core: "Core") -> UnusedReport:
        return await core.report_unused(period if period is not None else _SINCE)

    report = with_core(settings, work)
    if as_json:
        output.document(_document(report))
        return
    for found in report.clients:
        if found.is_found:
            _present(found)
    _conclude(report)


def _present(found: Disuse) -> None:
    came = found.last_came_at
    seen = f"last seen {_written(came)}" if came is not None else "never seen"
    output.line(f"{found.client.client_id}, {seen}")
    if found.presence is Presence.CAME:
        rows = [("scope", str(token)) for token in found.scope]
        rows += [("grant", str(grant)) for grant in sorted(found.grant_types)]
        output.table(("UNUSED", "NAME"), rows, empty="")
    for command in _suggestions(found):
        output.line(f"  {command}")
    output.line()


def _conclude(report: UnusedReport) -> None:
    young = sum(found.presence is Presence.TOO_YOUNG for found in report.clients)
    clean = sum(not found.is_found for found in report.clients) - young
    output.note(f"{clean} of {len(report.clients)} clients used all that they have.")
    if young:
        output.note(f"{young} were registered since {_written(report.since)}: too young to tell.")
    if not report.is_whole:
        known = _written(report.known_since) if report.known_since is not None else "now"
        output.note(f"What is used is known since {known} only: what came before, nobody can tell.")


def _suggestions(found: Disuse) -> Iterator[str]:
    """Yield the commands that would take away what is not used."""
    client = found.client
    if found.presence is not Presence.CAME:
        verb = "delete" if client.disabled else "disable"
        yield f"grantd clients {verb} {shlex.quote(client.client_id)}"
        return
    update = f"grantd clients update {shlex.quote(client.client_id)}"
    if found.scope:
        yield " ".join((update, *_scope_flags(found)))
    if found.grant_types and client.grant_types - found.grant_types:
        yield " ".join((update, *_grant_flags(found)))


def _scope_flags(found: Disuse) -> Iterator[str]:
    client = found.client
    for name, scope in (("scope", client.scope), ("default-scope", client.default_scope)):
        if not scope & found.scope:
            continue
        rest = scope - found.scope
        yield f"--{name} {shlex.quote(str(rest))}" if rest else f"--unset {name}"


def _grant_flags(found: Disuse) -> Iterator[str]:
    client = found.client
    yield from (f"--grant {grant}" for grant in sorted(client.grant_types - found.grant_types))
    if client.issue_refresh_token:  # which needs both grants
        yield "--no-issue-refresh-token"


def _document(report: UnusedReport) -> dict[str, Any]:
    known_since = report.known_since
    return {
        "since": report.since.isoformat(),
        "known_since": known_since.isoformat() if known_since is not None else None,
        "clients": [_client_document(found) for found in report.clients],
    }


def _client_document(found: Disuse) -> dict[str, Any]:
    came = found.last_came_at
    return {
        "client_id": found.client.client_id,
        "presence": found.presence,
        "last_came_at": came.isoformat() if came is not None else None,
        "unused_scope": str(found.scope),
        "unused_grant_types": sorted(found.grant_types),
        "suggestions": list(_suggestions(found)) if found.is_found else [],
    }


def _written(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
