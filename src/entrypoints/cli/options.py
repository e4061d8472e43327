"""Flags: one for each setting, made from the settings themselves, and those commands share."""

import inspect
import os
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, get_origin

import typer

from entrypoints.cli import output
from entrypoints.setting_problems import flag, variable
from entrypoints.settings import CONFIG, Settings, expected, unknown_variables

T = TypeVar("T")

REMOTE: Final = tuple(name for name in Settings.model_fields if name.split("_")[0] == "target")
"""The settings that a command needs to find a running server."""

ADMINISTRATIVE: Final = (
    "store",
    "store_password_file",
    "store_ca_file",
    "store_certificate_file",
    "store_certificate_key_file",
    "sentinel_username",
    "sentinel_password_file",
    "wait_replicas",
    "strict_store",
    "master_key_file",
    "signing_key_file",
    "signing_key_passphrase_file",
    "issuer",
    "audit_log",
    "audit_stream_length",
    "audit_required",
    *REMOTE,
)
"""The settings that a command needs to open the store, or to find the server instead."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

_PANEL = "Settings"
_LOAD_AGAIN = "load_again"
_CONFIG_HELP = f"The TOML file with the settings ({variable(CONFIG)})."


def takes_settings(
    *names: str,
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a command the flags of the settings named, and hand it `settings` gathered.

    `--config` comes with them. A command that has a parameter `load_again`
    gets what gathers them once more.
    """

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        own = inspect.signature(command).parameters.values()
        loads_again = any(one.name == _LOAD_AGAIN for one in own)

        @wraps(command)
        def run(**arguments: object) -> T:
            flags = {name: arguments.pop(name) for name in (CONFIG, *names)}
            if loads_again:
                arguments[_LOAD_AGAIN] = partial(Settings.load, flags)
            return command(settings=_load(flags), **arguments)

        _set_parameters(
            run,
            [one for one in own if one.name not in ("settings", _LOAD_AGAIN)]
            + [_config_parameter()]
            + [_parameter(name) for name in names],
        )
        return run

    return decorate


def _load(flags: dict[str, object]) -> Settings:
    for unknown in unknown_variables(os.environ):
        output.warn(unknown)
    return Settings.load(flags)


def _set_parameters(run: Callable[..., object], parameters: list[inspect.Parameter]) -> None:
    """Show Typer a signature of our making."""
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # PEP 362
    run.__annotations__ = {one.name: one.annotation for one in parameters}


def _config_parameter() -> inspect.Parameter:
    option = typer.Option(
        None, "--config", metavar="FILE", help=_CONFIG_HELP, rich_help_panel=_PANEL
    )
    return _keyword(CONFIG, Path | None, option)


def _parameter(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    kind: UnionType | type = str | None
    declared = flag(name)
    if field.annotation is bool:
        kind = bool | None
        declared = f"{flag(name)}/{flag('no_' + name)}"
    elif get_origin(field.annotation) in (tuple, dict):
        kind = list[str] | None
    option = typer.Option(
        None,
        declared,
        metavar=expected(name).metavar or None,
        help=field.description,
        rich_help_panel=_PANEL,
        show_default=False,
    )
    return _keyword(name, kind, option)


def _keyword(name: str, kind: Any, option: Any) -> inspect.Parameter:  # noqa: ANN401  (Typer's own types are Any)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
