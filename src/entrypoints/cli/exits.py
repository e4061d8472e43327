"""How a command ends: the exit statuses, and what is said on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from domain.errors import GrantdError, Unavailable
from entrypoints.refusal import RefusedToStart
from entrypoints.setting_problems import InvalidSettings


class ExitStatus(IntEnum):
    DONE = 0
    REFUSED = 1
    WRONG_USAGE = 2
    UNAVAILABLE = 3
    INTERRUPTED = 130


class Refused(Exception):
    """A command cannot do what was asked; its text is one line for the person who asked."""

    def __init__(self, sentence: str, status: ExitStatus = ExitStatus.REFUSED) -> None:
        super().__init__(sentence)
        self.status = status


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the core and the settings refuse into `Refused`."""
    try:
        yield
    except RefusedToStart as error:
        raise Refused(str(error)) from error


def verdict(error: Refused | GrantdError | InvalidSettings) -> tuple[ExitStatus, tuple[str, ...]]:
    """Return the exit status for an error and the lines that explain it."""
    match error:
        case Refused():
            return error.status, (str(error),)
        case InvalidSettings():
            status = ExitStatus.WRONG_USAGE if error.typed else ExitStatus.REFUSED
            return status, error.problems
        case Unavailable():
            # Whoever is at the command line is the operator whom the detail is for.
            return ExitStatus.UNAVAILABLE, (_sentence(error.description, error.detail),)
        case GrantdError():
            return ExitStatus.REFUSED, (_sentence(error.description, error.hint),)


def _sentence(description: str, more: str) -> str:
    return f"{description} ({more})" if more else description
