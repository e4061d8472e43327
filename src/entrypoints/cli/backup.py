"""`grantd backup` and `restore`: copies of the embedded store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.sqlite.backup import (
    BackupRefused,
    back_up,
    copy_for_restore,
    drafted_beside,
    put_in_place,
    require_unused,
)
from entrypoints.cli import output
from entrypoints.cli.core import require_no_target, with_core
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.options import ADMINISTRATIVE, takes_settings
from entrypoints.setting_forms import SQLITE
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core


@takes_settings("store", "target")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; a new file.")],
    *,
    settings: Settings,
) -> None:
    """Copy the embedded database while it is in use.

    The copy opens only with the master key, which is not in it.
    """
    _require_embedded(settings)
    try:
        back_up(settings.sqlite_path, file)
    except BackupRefused as error:
        raise Refused(str(error)) from error
    output.note(f"{file} is a copy of {settings.sqlite_path}. It opens only with the master key:")
    keys = " and ".join(map(str, _master_keys(settings)))
    output.note(f"keep a copy of {keys} too, at another place.")


@takes_settings(*ADMINISTRATIVE)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `grantd backup` made.")],
    *,
    settings: Settings,
    keep_tokens: Annotated[
        bool,
        typer.Option(
            "--keep-tokens",
            help="Let tokens live on, those revoked after the backup among them.",
        ),
    ] = False,
) -> None:
    """Put a backup in the place of the embedded database; grantd has to be stopped.

    Everything ever issued ends, because the backup knows nothing of what was
    revoked after it. Clients, secrets and keys are as they were then. The
    database that was there is kept beside it.
    """
    _require_embedded(settings)
    try:
        require_unused(settings.sqlite_path)
        with drafted_beside(settings.sqlite_path) as draft:
            copy_for_restore(file, draft)
            _prepare(settings, draft, keep_tokens=keep_tokens)
            before = put_in_place(draft, settings.sqlite_path)
    except BackupRefused as error:
        raise Refused(str(error)) from error
    output.note(f"{settings.sqlite_path} is as it was at the backup.")
    if before is not None:
        output.note(f"What was there is {before} now.")
    if keep_tokens:
        output.warn("what was revoked after the backup is not revoked any more")
    else:
        output.note("All tokens issued before have ended: every client has to ask for new ones.")


def _prepare(settings: Settings, draft: Path, *, keep_tokens: bool) -> None:
    """Open the draft as a server would, which proves schema and keys, and end what was issued."""
    keys = _master_keys(settings)
    for key in keys:
        if not key.exists():
            raise Refused(f"{key} is not there: put the master key there that the backup needs")
    opened = settings.model_copy(update={"store": f"{SQLITE}{draft}", "master_key_file": keys})

    async def work(core: "Core") -> None:
        if not keep_tokens:
            await core.revoke_by_operator.everything()

    with_core(opened, work)


def _master_keys(settings: Settings) -> tuple[Path, ...]:
    return settings.master_key_file or (settings.sqlite_key_path,)


def _require_embedded(settings: Settings) -> None:
    require_no_target(settings)
    if settings.store_kind != "sqlite":
        raise Refused(
            "Redis is backed up by its own means: see Backup in docs/operations.md",
            ExitStatus.WRONG_USAGE,
        )
