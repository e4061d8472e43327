"""Clients of Ory Hydra: what its command line and API print, and what it imports.

Hydra shows no secret once a client is made: it stands in the file a client was
made from, or, hashed, in the column `client_secret` of its database.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.imports.documents import Members, Reader, clients_in, parse
from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.imported_clients import ForeignClient
from domain.model.tokens import TokenFormat

_LAST_SECOND: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_LONGEST_LIFESPAN: Final = timedelta(days=36_500)

# A duration as Go writes it.
_DURATION = re.compile(r"(?:(\d{1,7})h)?(?:(\d{1,8})m)?(?:(\d{1,9})(?:\.\d{1,9})?s)?", re.ASCII)
_FORMATS = {"jwt": TokenFormat.JWT, "opaque": TokenFormat.OPAQUE, "": None}

_LIFESPAN = "client_credentials_grant_access_token_lifespan"
_READ = frozenset(
    {
        "client_id",
        "client_name",
        "client_secret",
        "client_secret_expires_at",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "jwks",
        "jwks_uri",
        "grant_types",
        "scope",
        "audience",
        "owner",
        "access_token_strategy",
        _LIFESPAN,
    }
)
_OF_NO_MEANING = frozenset(
    {
        "created_at",
        "updated_at",
        "metadata",
        "registration_access_token",
        "registration_client_uri",
        "response_types",
        "subject_type",
        "userinfo_signed_response_alg",
    }
)


def read(content: bytes) -> tuple[ForeignClient, ...]:
    """Read one client in JSON, a list of them, or what `hydra list clients` prints.

    Raises:
        UnreadableExport: If it is none of these, with the place and the member.
    """
    found = clients_in(parse(content), known_by="client_id")
    return tuple(_client(place, members) for place, members in found)


def _client(place: str, members: Members) -> ForeignClient:
    given = Reader(place, members)
    secret = given.text("client_secret")
    method = given.text("token_endpoint_auth_method") or AuthMethod.CLIENT_SECRET_BASIC
    strategy = given.text("access_token_strategy")
    if strategy not in _FORMATS:
        raise given.unreadable("access_token_strategy", "jwt or opaque")
    return ForeignClient(
        place=place,
        client_id=given.text("client_id"),
        flaw=_flaw(method),
        name=given.text("client_name"),
        auth_methods=frozenset({AuthMethod(method)} if method in set(AuthMethod) else ()),
        secret=ClientSecret(secret) if secret else None,
        secret_expires_at=_moment(given),
        jwks=members.get("jwks") or None,
        jwks_uri=given.text("jwks_uri"),
        assertion_algorithm=given.text("token_endpoint_auth_signing_alg"),
        grant_types=given.texts("grant_types"),
        scope=tuple(given.text("scope").split()),
        audiences=given.texts("audience"),
        owner=given.text("owner"),
        access_token_ttl=_lifespan(given),
        token_format=_FORMATS[strategy],
        not_taken=tuple(
            name for name, value in members.items() if value and name not in _READ | _OF_NO_MEANING
        ),
    )


def _flaw(method: str) -> str:
    if method == AuthMethod.NONE:
        return "it is public: such a client cannot use client_credentials"
    if method not in set(AuthMethod):
        return "its token_endpoint_auth_method is none that is taken"
    return ""


def _moment(given: Reader) -> datetime | None:
    seconds = given.seconds("client_secret_expires_at")
    if not 0 <= seconds <= _LAST_SECOND:
        raise given.unreadable("client_secret_expires_at", "a time in seconds since 1970, or 0")
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _lifespan(given: Reader) -> timedelta | None:
    text = given.text(_LIFESPAN)
    if not text:
        return None
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise given.unreadable(_LIFESPAN, "a duration like 1h30m0s")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    lifespan = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if lifespan > _LONGEST_LIFESPAN:
        raise given.unreadable(_LIFESPAN, "a duration of less than a hundred years")
    return lifespan or None
