"""How long things live, and how lifetimes are written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.model.clients import GrantType

DEFAULT_ACCESS_TOKEN_TTL: Final = timedelta(hours=1)
DEFAULT_REFRESH_TOKEN_TTL: Final = timedelta(days=30)

# A revocation outlives its token by more than leeway and clock difference together (D1).
REVOCATION_MARGIN: Final = timedelta(seconds=60)

# A clock that jumped ahead takes for expired what lives again once it is set right.
CLOCK_ERROR: Final = timedelta(days=1)

_DAYS_IN_A_MONTH = 30
LONGEST_DURATION: Final = timedelta(days=36_500)
_SHORT = re.compile(r"(?P<count>\d{1,10})(?P<unit>[smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ISO_8601 = re.compile(
    r"P(?=\d|T\d)"
    r"(?:(?P<months>\d{1,4})M)?(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """What the server's settings say of lifetimes; None is "not configured".

    Attributes:
        access_token_ttl: For every access token.

        by_grant: For access tokens of one grant type.

        refresh_token_ttl: Sliding: each refresh begins it anew.

        refresh_token_max_age: The absolute cap of a family, if any.

        refresh_grace: How long after a rotation a client that lost the reply
            may have the same successor again. Zero is strict.
    """

    access_token_ttl: timedelta | None = None
    by_grant: Mapping[GrantType, timedelta] = field(default_factory=dict)
    refresh_token_ttl: timedelta | None = None
    refresh_token_max_age: timedelta | None = None
    refresh_grace: timedelta = timedelta()


def shortest(*configured: timedelta | None, default: timedelta) -> timedelta:
    """Return the shortest lifetime that is configured, or *default* if none is."""
    return min((ttl for ttl in configured if ttl is not None), default=default)


def parse_duration(text: str) -> timedelta:
    """Read `PT1H`, `P1M` (30 days), `PT1M` (a minute), `90s`, `15m`, `1h` or `30d`.

    Raises:
        ValueError: If it is written otherwise or passes a hundred years.
    """
    if short := _SHORT.fullmatch(text):
        parts = {_UNITS[short["unit"]]: int(short["count"])}
    elif iso := _ISO_8601.fullmatch(text):
        parts = {unit: int(count) for unit, count in iso.groupdict().items() if count}
        parts["days"] = parts.get("days", 0) + _DAYS_IN_A_MONTH * parts.pop("months", 0)
    else:
        raise ValueError(f"not a duration: {text!r}; write it like PT1H, P1M, 90s, 15m, 1h or 30d")
    duration = timedelta(**parts)
    if duration > LONGEST_DURATION:
        raise ValueError(f"a duration longer than a hundred years: {text!r}")
    return duration


def format_duration(duration: timedelta) -> str:
    """Write whole seconds in the largest of `d`, `h`, `m`, `s` that divides them."""
    seconds = int(duration.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
