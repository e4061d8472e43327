"""Where Redis is, as settings say it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self
from urllib.parse import unquote


class Kind(StrEnum):
    """How a Redis is set up."""

    STANDALONE = "standalone"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


_KINDS: Final = {"": Kind.STANDALONE, "+sentinel": Kind.SENTINEL, "+cluster": Kind.CLUSTER}
_FORMS: Final = {
    Kind.STANDALONE: "://HOST:PORT/DB, with nothing behind the number",
    Kind.SENTINEL: "+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB, with nothing behind the number",
    Kind.CLUSTER: "+cluster://HOST:PORT,HOST:PORT, with nothing behind: a cluster has one database",
}
_SCHEME: Final = re.compile(r"(rediss?)(|\+sentinel|\+cluster)")
_PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/?#\s]+)(?::([0-9]{1,5}))?")
_DATABASE: Final = re.compile(r"[0-9]{0,9}")
_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_LAST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where one server listens."""

    host: str
    port: int = _PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """A Redis, one of its databases, and who we are to it.

    Attributes:
        places: The server itself; the Sentinels that know it; or some nodes of the cluster.

        service: What the Sentinels call it.
    """

    kind: Kind = Kind.STANDALONE
    places: tuple[Endpoint, ...]
    service: str = ""
    database: int = 0
    tls: bool = False
    username: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL of one of the forms above, `rediss` for TLS, a user's name before an `@`.

        Raises:
            ValueError: If it is written otherwise or holds a password. The text
                tells what it has to be, and never shows the URL.
        """
        head, _, rest = url.partition("://")
        scheme = _SCHEME.fullmatch(head)
        if scheme is None:
            raise ValueError(
                "a URL that begins with redis://, redis+sentinel:// or redis+cluster://"
            )
        kind = _KINDS[scheme[2]]
        authority, _, path = rest.partition("/")
        username, _, places = authority.rpartition("@")
        if ":" in username:
            raise ValueError("a URL without a password; store_password_file is the place for it")
        service, _, database = path.rpartition("/") if kind is Kind.SENTINEL else ("", "", path)
        if kind is Kind.SENTINEL and not service:
            service, database = database, ""
        named = _read_places(places, _SENTINEL_PORT if kind is Kind.SENTINEL else _PORT)
        if not named or not _is_whole(kind, named, service, database):
            raise ValueError(scheme[1] + _FORMS[kind])
        return cls(
            kind=kind,
            places=named,
            service=unquote(service),
            database=int(database or 0),
            tls=scheme[1] == "rediss",
            username=unquote(username) or None,
        )


def _is_whole(kind: Kind, places: tuple[Endpoint, ...], service: str, database: str) -> bool:
    if _DATABASE.fullmatch(database) is None or set("?#/") & set(service):
        return False
    match kind:
        case Kind.STANDALONE:
            return len(places) == 1
        case Kind.SENTINEL:
            return bool(service)
        case Kind.CLUSTER:
            return database in ("", "0")


def _read_places(text: str, port: int) -> tuple[Endpoint, ...]:
    """Return the servers that are named, none at all if one of them is not well named."""
    found = [_PLACE.fullmatch(place) for place in text.split(",")]
    places = tuple(
        Endpoint(unquote(place[1]).strip("[]"), int(place[2] or port)) for place in found if place
    )
    good = len(places) == len(found) and all(0 < one.port <= _LAST_PORT for one in places)
    return places if good else ()
