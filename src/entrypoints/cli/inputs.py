"""Reading what must not stand among the arguments: secrets and tokens."""

import sys
from datetime import timedelta
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import GrantdError
from domain.model.credentials import ClientSecret
from domain.model.lifetimes import parse_duration
from domain.model.scopes import Scope
from entrypoints.cli import output
from entrypoints.cli.exits import ExitStatus, Refused

STANDARD_INPUT = Path("-")

_LARGEST = 64 * 1_024


def read_duration(text: str) -> timedelta:
    """Read a duration for an option."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        help="The file with the client secret; - or nothing for standard input.",
    ),
]


def read_secret(path: Path | None) -> ClientSecret:
    """Read a client secret: the first line, without its end."""
    return ClientSecret(read_line(path, "client secret"))


def read_line(path: Path | None, what: str) -> str:
    """Read the first line of a file, or of standard input, or ask a person for it.

    Raises:
        Refused: If there is none.
    """
    if path is None or path == STANDARD_INPUT:
        if sys.stdin.isatty():
            return getpass(f"{what}: ")
        text = sys.stdin.read(_LARGEST)
    else:
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(_LARGEST)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
            raise Refused(f"{path} cannot be read: {reason}") from None
    first = text.split("\n", 1)[0].strip("\r")
    if not first:
        raise Refused(f"there is no {what} in {path or 'standard input'}")
    return first


def read_at_most(path: Path, count: int) -> bytes:
    """Read up to *count* bytes of a file or of standard input, which may have no end."""
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read(count)
    with path.open("rb") as file:
        return file.read(count)


def called(path: Path) -> str:
    """Return what a person calls the place that is read."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def read_scope(text: str) -> Scope:
    """Read a scope for an option."""
    try:
        return Scope.parse(text)
    except GrantdError as error:
        raise typer.BadParameter(
            f"not a scope: {error.detail}; write its tokens with single spaces between them"
        ) from error


def require_confirmation(consequence: str, *, yes: bool) -> None:
    """Say what it costs and ask whether to go on, unless *yes* says so already.

    Raises:
        Refused: If the answer is no, or if there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"{consequence} Say --yes to do it.", ExitStatus.WRONG_USAGE)
    output.note(consequence)
    if not typer.confirm("Go on?", err=True):
        raise Refused("nothing was changed")
