"""The program `grantd`."""

import sys
from collections.abc import Sequence

import typer

from domain.errors import GrantdError
from entrypoints.cli import clients, config, keys, output, resources, scopes, token
from entrypoints.cli.doctor import doctor
from entrypoints.cli.exits import ExitStatus, Refused, verdict
from entrypoints.cli.serve import serve
from entrypoints.settings import InvalidSettings
from grantd import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its tables cut the names of flags on a usual terminal
    pretty_exceptions_enable=False,  # a traceback in a frame would show local variables' values
    help="The service that gives programs their identity.",
)
app.command()(serve)
app.add_typer(clients.app, name="clients")
app.add_typer(scopes.app, name="scopes")
app.add_typer(resources.app, name="resources")
app.add_typer(keys.app, name="keys")
app.add_typer(token.app, name="token")
app.add_typer(config.app, name="config")
app.command()(doctor)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        output.line(f"grantd {__version__}")
        raise typer.Exit


@app.callback()
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


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    try:
        status = app(arguments, prog_name="grantd", standalone_mode=False)
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
