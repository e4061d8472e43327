"""Where Redis is, as settings say it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

_TLS = {"redis": False, "rediss": True}
_LATER = frozenset({"redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"})
_DEFAULT_PORT = 6379


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """A Redis server, one of its databases, and who we are to it."""

    host: str
    port: int = _DEFAULT_PORT
    database: int = 0
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str, *, password_file: Path | None = None) -> Self:
        """Read `redis://[username@]host[:port][/database]`, or `rediss://` for TLS.

        Raises:
            ValueError: If it is written otherwise, holds a password, or names
                a password file that cannot be read. The text never shows the
                URL, since it may hold a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _DEFAULT_PORT
        except ValueError:
            raise ValueError("the Redis URL is malformed") from None
        _require_plain(parts)
        return cls(
            host=unquote(parts.hostname or ""),
            port=port,
            database=_database(parts.path),
            tls=_TLS[parts.scheme],
            username=unquote(parts.username) if parts.username else None,
            password=_read_password(password_file) if password_file is not None else None,
        )


def _require_plain(parts: SplitResult) -> None:
    if parts.scheme in _LATER:
        raise ValueError(
            f"{parts.scheme}:// is not supported yet: name one server by redis:// or rediss://"
        )
    if parts.scheme not in _TLS:
        raise ValueError("a Redis URL begins with redis:// or rediss://")
    if parts.password is not None:
        raise ValueError("the Redis URL holds a password: put it into a file and name that instead")
    if parts.query or parts.fragment:
        raise ValueError("a Redis URL takes neither a query nor a fragment")
    if not parts.hostname:
        raise ValueError("the Redis URL names no host")


def _database(path: str) -> int:
    number = path.removeprefix("/") or "0"
    if not (number.isascii() and number.isdecimal()):
        raise ValueError("the path of a Redis URL is the number of a database")
    return int(number)


def _read_password(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"the Redis password file cannot be read: {path}") from None
    if not password:
        raise ValueError(f"the Redis password file is empty: {path}")
    return password
