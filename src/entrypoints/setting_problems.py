"""What is said of settings that do not hold: one line each, and never a value."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic_core import ErrorDetails

PREFIX: Final = "GRANTD_"

_NOUNS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "list",
    tuple: "list",
    dict: "table",
    timedelta: "a duration",
}


class InvalidSettings(Exception):
    """The settings do not hold; every problem is one line and shows no value.

    Attributes:
        typed: Whether one of them was given as a flag.
    """

    def __init__(self, problems: Sequence[str], *, typed: bool = False) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        self.typed = typed


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Return the flag of a setting."""
    return "--" + name.replace("_", "-")


def read_file(path: Path) -> dict[str, Any]:
    """Read what a TOML file sets.

    Raises:
        InvalidSettings: If it cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettings([f"{path} cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError:
        raise InvalidSettings([f"{path} is not a text in UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings([f"{path} is not TOML: {error}"]) from error


def problem_of(
    detail: ErrorDetails,
    places: Mapping[str, Mapping[str, object]],
    forms: Mapping[str, str],
) -> str:
    """Write one line: which setting, what shape its value has, what would be right.

    Args:
        places: What was set by flag, environment and file.

        forms: How each setting is written.
    """
    name = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        return f"{name} is not a setting{nearest(name, list(forms))}"
    own = detail.get("ctx", {}).get("error")
    right = str(own) if isinstance(own, ValueError) else forms[name]
    if isinstance(detail["input"], timedelta) and not isinstance(own, ValueError):
        right = "a second or more"
    return f"{_whence(name, places)}: {_shape(detail['input'])}; it has to be {right}"


def nearest(name: str, known: Sequence[str]) -> str:
    """Suggest what was meant, if there is anything like it."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _whence(name: str, places: Mapping[str, Mapping[str, object]]) -> str:
    if name in places["flag"]:
        return flag(name)
    if name in places["environment"]:
        return variable(name)
    return name


def _shape(value: object) -> str:
    if value in (None, "", [], ()):
        return "empty"
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, list | tuple | dict):
        return f"a {_NOUNS[type(value)]} of {len(value)}"
    return _NOUNS.get(type(value), "something else")
