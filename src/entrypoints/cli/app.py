"""The program `grantd`."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Final

import typer

from domain.errors import GrantdError
from entrypoints.cli import output
from entrypoints.cli.exits import ExitStatus, Refused, verdict
from entrypoints.quick_imports import importing_quickly
from entrypoints.setting_problems import InvalidSettings
from entrypoints.standard_streams import open_missing_streams
from grantd import __version__

# In the order of the help. Only what was typed is imported: all of it takes a second's third.
_COMMANDS: Final[Mapping[str, str]] = {
    "serve": "serve:serve",
    "clients": "clients:app",
    "scopes": "scopes:app",
    "resources": "resources:app",
    "keys": "keys:app",
    "master-key": "master_key:app",
    "token": "token:app",
    "config": "config:app",
    "apply": "apply:apply",
    "export": "export:export",
    "import": "import_:import_",
    "explain": "explain:explain",
    "revoke": "revoke:revoke",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "doctor": "doctor:doctor",
}


def main() -> None:
    """Run the command line and exit."""
    open_missing_streams()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # its notes are no lines of ours
    typed = [name for name in arguments[:1] if name in _COMMANDS]
    program = _program(typed or _COMMANDS)
    try:
        status = program(arguments, prog_name="grantd", standalone_mode=False)
    except typer.TyperException as error:
        if message := error.format_message():  # none if the help was shown instead
            output.refuse(f"{message} (see --help)")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return ExitStatus.INTERRUPTED
    except (Refused, GrantdError, InvalidSettings) as error:
        outcome, lines = verdict(error)
        for line in lines:
            output.refuse(line)
        return outcome
    return status if isinstance(status, int) else ExitStatus.DONE


def _program(names: Iterable[str]) -> typer.Typer:
    """Return the program with only the commands named."""
    program = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # its tables cut the names of flags on a usual terminal
        pretty_exceptions_enable=False,  # a traceback in a frame would show variables' values
        help="The service that gives programs their identity.",
    )
    program.callback()(_grantd)
    for name in names:
        module, attribute = _COMMANDS[name].split(":")
        with importing_quickly():
            command = getattr(import_module(f"entrypoints.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            program.add_typer(command, name=name)
        else:
            program.command(name)(command)
    return program


def _print_version(*, wanted: bool) -> None:
    if wanted:
        output.line(f"grantd {__version__}")
        raise typer.Exit


def _grantd(
    *,
    _version: bool = typer.Option(
        False,
        "--version",
        is_eager=True,
        callback=lambda wanted: _print_version(wanted=wanted),
        help="Print the version and exit.",
    ),
) -> None:
    """The service that gives programs their identity."""
