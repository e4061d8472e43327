"""How settings are written: addresses, durations, lists, URLs.

A validator says what would be right and never shows what it was given.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

from adapters.redis.address import RedisAddress
from domain.model.lifetimes import format_duration, parse_duration
from domain.model.limits import Budget
from domain.model.uris import is_loopback

OFF: Final = "off"
STDERR: Final = "stderr"
STDOUT: Final = "stdout"
REDIS_STREAM: Final = "redis"
SQLITE: Final = "sqlite:///"

AUTO: Final = "auto"

_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Expected:
    """How a setting is written, for whoever wrote it otherwise."""

    form: str
    metavar: str


def _read_address(value: object) -> Address | None:
    if value is None or value == OFF:
        return None
    if isinstance(value, Address):
        return value
    host, _, port = str(value).rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host == f"[{bare}]"
    if not bare or bracketed != (":" in bare) or not (port.isascii() and port.isdigit()):
        raise ValueError(_ADDRESS.form)
    if not 0 < int(port) <= _LAST_PORT:
        raise ValueError(f"a port from 1 to {_LAST_PORT}")
    return Address(bare, int(port))


def _write_address(address: Address | None) -> str:
    return OFF if address is None else str(address)


def _read_duration(value: object) -> timedelta | None:
    if value is None or isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except ValueError:
        # Its text would show the value.
        raise ValueError(f"{DURATION.form}, a hundred years at most") from None


def _write_duration(duration: timedelta | None) -> str | None:
    return None if duration is None else format_duration(duration)


def _read_budget(value: object) -> Budget | None:
    if value is None or value == OFF:
        return None
    if isinstance(value, Budget):
        return value
    count, _, window = str(value).partition("/")
    try:
        budget = Budget(int(count), parse_duration(window))
    except ValueError:
        raise ValueError(_BUDGET.form) from None  # its text would show the value
    if budget.failures < 1 or budget.window < timedelta(seconds=1):
        raise ValueError(_BUDGET.form)
    return budget


def _write_budget(budget: Budget | None) -> str:
    return OFF if budget is None else f"{budget.failures}/{format_duration(budget.window)}"


def split_list(value: object) -> object:
    """Read the one text that an environment variable has room for."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        return _decode(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def split_map(value: object) -> object:
    if isinstance(value, str) and value.startswith("{"):
        return _decode(value)
    parts = split_list(value)
    if not isinstance(parts, list):
        return parts
    pairs = (str(part).partition("=") for part in parts)
    return {name: entry for name, _, entry in pairs}


def _decode(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("JSON, or parts with commas between them") from None


def _unless_off(value: object) -> object:
    return None if value == OFF else value


_ADDRESS = Expected("HOST:PORT or off", "HOST:PORT|off")
DURATION = Expected("a duration like PT1H, P1M, 90s, 15m, 1h or 30d", "DURATION")
_FILE = Expected("the path of a file", "FILE")
STORE = Expected(
    "sqlite:///FILE, redis://HOST:PORT/DB, redis+sentinel://HOST:PORT,…/SERVICE/DB or"
    " redis+cluster://HOST:PORT,…",
    "URL",
)
_BUDGET = Expected("COUNT/DURATION like 10/5m, or off", "COUNT/DURATION|off")
_NETWORKS = Expected("networks like 10.0.0.0/8 or fd00::/8", "NETWORK")
_COUNT = Expected("a whole number from 1", "N")
_WHOLE_NUMBER = Expected("a whole number from 0", "N")
_WORKERS = Expected("a whole number from 1, or auto", "N|auto")
_SHARE = Expected("a number from 0 to 1", "SHARE")
_OPTIONAL_URL = Expected("an http or https URL, or off", "URL|off")
_AUDIT_LOG = Expected(
    "stderr, stdout, redis or a path with a / in it, each once, or off alone",
    "stderr|stdout|redis|FILE|off",
)

Listener = Annotated[
    Address | None, PlainValidator(_read_address), PlainSerializer(_write_address), _ADDRESS
]
Lifetime = Annotated[
    timedelta,
    Field(ge=timedelta(seconds=1)),
    BeforeValidator(_read_duration),
    PlainSerializer(_write_duration),
    DURATION,
]
AnyLifetime = Annotated[
    timedelta | None,
    Field(ge=timedelta(seconds=1)),
    BeforeValidator(_read_duration),
    PlainSerializer(_write_duration),
    DURATION,
]
Wait = Annotated[
    timedelta, BeforeValidator(_read_duration), PlainSerializer(_write_duration), DURATION
]
File = Annotated[Path | None, _FILE]
Files = Annotated[tuple[Path, ...], BeforeValidator(split_list), _FILE]
FailureBudget = Annotated[
    Budget | None, PlainValidator(_read_budget), PlainSerializer(_write_budget), _BUDGET
]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(split_list), _NETWORKS]
AuditLog = Annotated[tuple[str, ...], BeforeValidator(split_list), _AUDIT_LOG]
Switch = Annotated[bool, Expected("true or false", "")]
Count = Annotated[int, Field(ge=1), _COUNT]
WholeNumber = Annotated[int, Field(ge=0), _WHOLE_NUMBER]
Workers = Annotated[Annotated[int, Field(ge=1)] | Literal["auto"], _WORKERS]
Share = Annotated[float, Field(ge=0, le=1), _SHARE]
OptionalUrl = Annotated[str | None, BeforeValidator(_unless_off), _OPTIONAL_URL]


def require_audit_places(places: tuple[str, ...]) -> None:
    """Refuse what is no place; a file has a `/` so that a slip of the pen makes none."""
    words = (STDERR, STDOUT, REDIS_STREAM)
    good = all(place in words or "/" in place for place in places)
    distinct = len(set(places)) == len(places) > 0
    if places != (OFF,) and not (good and distinct):
        raise ValueError(_AUDIT_LOG.form)


def require_issuer_url(text: str) -> str:
    url = _split_url(text)
    if url is None or not url.hostname or "@" in url.netloc or "?" in text or "#" in text:
        raise ValueError("a URL without user, query and fragment (RFC 8414 §2)")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
        raise ValueError("an https URL; http is for loopback only")
    return text


def require_tracing_url(text: str) -> str:
    url = _split_url(text)
    if url is None or url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc:
        raise ValueError(_OPTIONAL_URL.form)
    return text


def require_store_url(text: str) -> str:
    if not _is_visible(text) or not text.startswith((SQLITE, "redis")):
        raise ValueError(STORE.form)
    if not text.startswith(SQLITE):
        RedisAddress.parse(text)
    elif text.removeprefix(SQLITE) in ("", "/", ":memory:") or "?" in text or "#" in text:
        raise ValueError("sqlite:///relative.db or sqlite:////absolute.db")
    return text


def _split_url(text: str) -> SplitResult | None:
    """Take a URL apart; None if it is none, or not in visible ASCII."""
    if not _is_visible(text):
        return None
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return None
    return url


def _is_visible(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
