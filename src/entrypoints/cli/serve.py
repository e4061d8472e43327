"""`grantd serve`: the service itself."""

import logging
import shlex
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from entrypoints.cli import output
from entrypoints.cli.exits import refusals
from entrypoints.cli.next_command import token_command
from entrypoints.cli.options import ADMINISTRATIVE, REMOTE, takes_settings
from entrypoints.quick_imports import NOT_TO_SERVE, importing_quickly
from entrypoints.reloading import LoadSettings
from entrypoints.setting_doubts import doubts
from entrypoints.setting_forms import STDOUT
from entrypoints.setting_problems import flag
from entrypoints.settings import Settings
from entrypoints.start_signals import prepare_for_early_ones
from grantd import __version__

if TYPE_CHECKING:
    from entrypoints.serving import Serving

_log = logging.getLogger(__name__)


@takes_settings(*(name for name in Settings.model_fields if name not in REMOTE))
def serve(*, settings: Settings, load_again: LoadSettings) -> int:
    """Serve HTTP and gRPC until told to stop."""
    prepare_for_early_ones()
    # Here and not above, because it brings every adapter along and most commands need none.
    with importing_quickly(without=NOT_TO_SERVE):
        from adapters.telemetry.logging import configure_logging  # noqa: PLC0415
        from entrypoints.supervisor import serve as supervise  # noqa: PLC0415

    configure_logging(settings.log_format, settings.log_level)
    for doubt in doubts(settings):
        _log.warning("%s", doubt)
    with refusals():
        return supervise(
            settings,
            load_again=load_again,
            on_ready=lambda serving: announce(serving, settings),
        )


def announce(serving: "Serving", settings: Settings) -> None:
    """Tell a person what is served, and the exact next command to type.

    Standard output may be for the audit trail alone.
    """
    with redirect_stdout(sys.stderr if STDOUT in settings.audit_log else sys.stdout):
        _announce(serving, settings)


def _announce(serving: "Serving", settings: Settings) -> None:
    output.line(f"grantd {__version__} is ready.")
    output.facts(
        {
            "  issuer": serving.issuer,
            "  http": serving.http or "off",
            "  grpc": serving.grpc or "off",
            "  workers": f"{serving.workers} for each protocol",
            "  store": serving.store,
            "  key": serving.active_key,
        }
    )
    output.line("Next, in another terminal, in the same folder:")
    for command in _next_commands(serving, settings):
        output.line(f"  {command}")


def _next_commands(serving: "Serving", settings: Settings) -> tuple[str, ...]:
    if serving.a_client is None:
        return (_command("clients", "create", "--id", "demo", settings=settings),)
    if serving.http is None:
        return (_command("clients", "list", settings=settings),)
    return (token_command(serving.issuer, serving.a_client),)


def _command(*words: str, settings: Settings) -> str:
    """Write a command that finds the same store, wherever these settings came from."""
    flags: list[str] = []
    usual = Settings().model_dump(mode="json")
    for name, value in settings.model_dump(mode="json", include=set(ADMINISTRATIVE)).items():
        if value == usual[name] or not value:
            continue
        if value is True:
            flags.append(flag(name))
        else:
            for one in value if isinstance(value, list) else [value]:
                flags += [flag(name), str(one)]
    return shlex.join(["grantd", *words, *flags])
