"""`grantd keys`: what signs tokens."""

from datetime import datetime
from typing import TYPE_CHECKING

import typer

from domain.model.keys import SigningKey
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core

app = typer.Typer(no_args_is_help=True, help="What signs tokens.")


@app.callback()
def _keys() -> None:
    """Keep `list` a command of its own while it is the only one."""


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(*, settings: Settings, as_json: AsJson = False) -> None:
    """List the signing keys with their states; a key's state follows from the clock."""

    async def work(core: "Core") -> list[dict[str, str | None]]:
        now = core.clock.now()
        catalogue = await core.catalogue.read()
        return [_document(key, now) for key in catalogue.keyring.signing]

    documents = with_core(settings, work)
    if as_json:
        output.document(documents)
        return
    output.table(
        ("KEY ID", "ALGORITHM", "STATE", "ACTIVE FROM", "RETIRED FROM", "GONE FROM"),
        (tuple(document.values()) for document in documents),
        empty="There are no keys.",
    )


def _document(key: SigningKey, now: datetime) -> dict[str, str | None]:
    schedule = key.schedule
    return {
        "kid": key.key_id,
        "alg": key.algorithm,
        "state": schedule.state(now),
        "activate_at": _written(schedule.activate_at),
        "retire_at": _written(schedule.retire_at),
        "remove_at": _written(schedule.remove_at),
    }


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None
