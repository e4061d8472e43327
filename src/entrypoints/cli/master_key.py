"""`grantd master-key`: what seals the keys and the kept secrets in the store (D4)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.system.master_key import MasterKeyUnusable, make_master_key, read_master_key
from domain.ports.envelope import MasterKeyId
from domain.usecases.rewrap import MasterKeyStanding, Rewrapped
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.exits import Refused
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core

_TOLD_EVERY = 100

app = typer.Typer(
    no_args_is_help=True, help="What seals the keys and the kept secrets in the store."
)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it goes; a new file.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a master key in a file, and print its id.

    The file is its owner's alone. Nothing uses it before master_key_file names it.
    """
    try:
        made = make_master_key(file)
    except MasterKeyUnusable as error:
        raise Refused(str(error)) from error
    shown = {"master_key_id": made.key_id.hex(), "file": str(file)}
    if as_json:
        output.document(shown)
        return
    output.facts(shown)
    output.note("\nKeep a copy of the file, apart from the store's: without it nothing opens.")


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(*, settings: Settings, as_json: AsJson = False) -> None:
    """List the master keys with how much each still seals."""
    standings = with_core(settings, lambda core: core.rewrap.standings())
    documents = _documents(standings, settings)
    if as_json:
        output.document(documents)
        return
    output.table(
        ("MASTER KEY", "FILE", "STATE", "DATA KEYS", "KEPT SECRETS"),
        (tuple(document.values()) for document in documents),
        empty="There are no master keys.",
    )


@app.command()
@takes_settings(*ADMINISTRATIVE)
def rotate(*, settings: Settings, as_json: AsJson = False) -> None:
    """Seal anew, by the newest master key, what older ones sealed.

    It may be run while grantd serves. No token and no secret ends by it, and
    whoever is stopped halfway runs it again.
    """

    async def work(core: "Core") -> Rewrapped:
        return await core.rewrap(progress=_tell)

    rewrapped = with_core(settings, work)
    documents = _documents(rewrapped.standings, settings)
    done = {"data_keys": rewrapped.data_keys, "kept_secrets": rewrapped.kept_secrets}
    if as_json:
        output.document({**done, "master_keys": documents})
    else:
        output.line(
            f"{rewrapped.data_keys} data keys and {rewrapped.kept_secrets} kept secrets are"
            f" sealed anew, by master key {documents[0]['master_key_id']}."
        )
    _tell_what_is_left(rewrapped.standings[1:], {one["master_key_id"]: one for one in documents})


def _tell(done: int, expected: int) -> None:
    if done % _TOLD_EVERY == 0 or done == expected:
        output.note(f"{done} of {expected} kept secrets are sealed anew.")


def _tell_what_is_left(
    older: Sequence[MasterKeyStanding], documents: Mapping[str, Mapping[str, Any]]
) -> None:
    for standing in older:
        if standing.seals_nothing:
            file = documents[standing.master_key_id]["file"]
            output.note(
                f"Master key {standing.master_key_id} seals nothing any more:"
                f" take {file} out of master_key_file."
            )
    if busy := [one.master_key_id for one in older if not one.seals_nothing]:
        raise Refused(
            f"meanwhile something was sealed by {', '.join(busy)} again: have every node name"
            f" {next(iter(documents))} first, and run this again"
        )


def _documents(standings: Sequence[MasterKeyStanding], settings: Settings) -> list[dict[str, Any]]:
    files = {
        MasterKeyId(read_master_key(path).key_id.hex()): str(path)
        for path in settings.master_key_file or (settings.sqlite_key_path,)
    }
    return [
        {
            "master_key_id": standing.master_key_id,
            "file": files.get(standing.master_key_id),
            "state": _state(standing, newest=standing is standings[0]),
            "data_keys": standing.data_keys,
            "kept_secrets": standing.kept_secrets,
        }
        for standing in standings
    ]


def _state(standing: MasterKeyStanding, *, newest: bool) -> str:
    if newest:
        return "newest"
    return "older" if standing.at_hand else "missing"
