"""`grantd clients secrets` and `rotate-secret`: the life of client secrets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer

from domain.model.credentials import SecretId
from domain.model.identifiers import ClientId
from domain.model.lifetimes import format_duration
from domain.model.usage import KEPT_FOR
from domain.usecases.administer_secrets import AddedSecret, SecretStanding
from entrypoints.cli import output
from entrypoints.cli.administration import Administration
from entrypoints.cli.client_documents import client_document, present_changed, standing_documents
from entrypoints.cli.client_options import ClientIdArgument
from entrypoints.cli.core import with_administration
from entrypoints.cli.inputs import read_duration
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

_OVERLAP = timedelta(hours=24)

app = typer.Typer(no_args_is_help=True, help="What clients prove themselves with, up to ten each.")

_SecretIdArgument = Annotated[
    str, typer.Argument(metavar="SECRET_ID", help="As `secrets list` shows it.")
]
_Label = Annotated[str, typer.Option(metavar="TEXT", help="What people know it by.")]
_EvenTheLast = Annotated[
    bool,
    typer.Option("--even-the-last", help="Also if the client has no other that works as long."),
]


@takes_settings(*ADMINISTRATIVE)
def rotate(
    client_id: ClientIdArgument,
    *,
    settings: Settings,
    overlap: Annotated[
        timedelta | None,
        typer.Option(
            parser=read_duration,
            metavar="DURATION",
            help="How long the older ones go on working; 24h if left out, 0s ends them at once.",
        ),
    ] = None,
    label: _Label = "",
    as_json: AsJson = False,
) -> None:
    """Give a client a new secret, shown this once, and end the older ones after a while.

    Those that have expired already are deleted.
    """
    settled = overlap if overlap is not None else _OVERLAP
    added = with_administration(
        settings,
        lambda core: core.administer_secrets.rotate(
            ClientId(client_id), overlap=settled, label=label
        ),
    )
    _present_added(added, as_json=as_json)
    ending = f"work for {format_duration(settled)} at most" if settled else "have ended"
    output.note(f"Older secrets {ending}.")


@app.command()
@takes_settings(*ADMINISTRATIVE)
def add(
    client_id: ClientIdArgument,
    *,
    settings: Settings,
    label: _Label = "",
    expires_in: Annotated[
        timedelta | None,
        typer.Option(
            parser=read_duration, metavar="DURATION", help="When it ends; never if left out."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a client one more secret, shown this once."""
    added = with_administration(
        settings,
        lambda core: core.administer_secrets.add(
            ClientId(client_id), label=label, lifetime=expires_in
        ),
    )
    _present_added(added, as_json=as_json)


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(client_id: ClientIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """List the secrets of a client, by all but themselves.

    When one was last used is known to about two minutes.
    """

    async def work(core: Administration) -> tuple[Sequence[SecretStanding], datetime]:
        return await core.administer_secrets.standings(ClientId(client_id)), core.clock.now()

    standings, now = with_administration(settings, work)
    if as_json:
        output.document(standing_documents(standings, now=now))
        return
    output.table(
        ("SECRET ID", "LABEL", "CREATED", "EXPIRES", "LAST USED", "SAFE TO DELETE"),
        (_row(standing, now) for standing in standings),
        empty=f"Client {client_id} has no secret.",
    )


@app.command()
@takes_settings(*ADMINISTRATIVE)
def expire(
    client_id: ClientIdArgument,
    secret_id: _SecretIdArgument,
    *,
    settings: Settings,
    after: Annotated[
        timedelta | None,
        typer.Option(
            "--in",
            parser=read_duration,
            metavar="DURATION",
            help="How long it goes on working; it ends at once if left out.",
        ),
    ] = None,
    even_the_last: _EvenTheLast = False,
    as_json: AsJson = False,
) -> None:
    """Set when a secret ends. One that has ended does not come back."""
    remaining = after if after is not None else timedelta()
    client = with_administration(
        settings,
        lambda core: core.administer_secrets.expire(
            ClientId(client_id), SecretId(secret_id), after=remaining, even_the_last=even_the_last
        ),
    )
    when = f"ends in {format_duration(remaining)}" if remaining else "has ended"
    present_changed(client, f"Secret {secret_id} of {client_id} {when}.", as_json=as_json)


@app.command()
@takes_settings(*ADMINISTRATIVE)
def delete(
    client_id: ClientIdArgument,
    secret_id: _SecretIdArgument,
    *,
    settings: Settings,
    even_the_last: _EvenTheLast = False,
    as_json: AsJson = False,
) -> None:
    """Remove a secret; it works no more."""
    client = with_administration(
        settings,
        lambda core: core.administer_secrets.delete(
            ClientId(client_id), SecretId(secret_id), even_the_last=even_the_last
        ),
    )
    present_changed(client, f"Secret {secret_id} of {client_id} is deleted.", as_json=as_json)


def _present_added(added: AddedSecret, *, as_json: bool) -> None:
    # Shown the one time that there is a secret to show (D5).
    shown = {
        "client_id": added.client.client_id,
        "secret_id": added.secret_id,
        "client_secret": added.secret.reveal(),
    }
    if as_json:
        output.document({**shown, **client_document(added.client)})
        return
    output.facts(shown)
    output.note("\nKeep the secret now: it is not shown again.")


def _row(standing: SecretStanding, now: datetime) -> tuple[str, ...]:
    secret, deletion = standing.secret, standing.deletion
    return (
        secret.secret_id,
        secret.label,
        _written(secret.created_at),
        _written(secret.expires_at) if secret.expires_at is not None else "never",
        _last_used(standing, now),
        f"{'yes' if deletion.is_safe else 'no'}: {deletion.reason}",
    )


def _last_used(standing: SecretStanding, now: datetime) -> str:
    last = standing.last_use
    if last is not None:
        return f"{_written(last.at)} from {last.source}"
    if now - standing.secret.created_at > KEPT_FOR:
        return f"not in the last {KEPT_FOR.days} days"
    return "never"


def _written(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
