"""How answers are written; refusals are written in `errors`."""

from functools import lru_cache
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from adapters.http.reply import NO_STORE, Fields, Reply
from adapters.introspection_members import introspection_members
from domain.model.introspection import ActiveAccessToken, Introspection
from domain.model.tokens import IssuedToken

SIGNED_INTROSPECTION: Final = "application/token-introspection+jwt"

_JSON: Final = (b"content-type", b"application/json;charset=UTF-8")
_JSON_NO_STORE: Final = (_JSON, *NO_STORE)
_SIGNED: Final = (b"content-type", SIGNED_INTROSPECTION.encode())

_encode = msgspec.json.Encoder().encode


class _TokenReply(Struct):
    """RFC 6749 §5.1, with `scope` always."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | UnsetType = UNSET


def json_reply(content: object, *, status: int = 200, fields: Fields = NO_STORE) -> Reply:
    return Reply(_encode(content), (_JSON, *fields), status)


def token_reply(issued: IssuedToken) -> Reply:
    return json_reply(
        _TokenReply(
            access_token=issued.access_token,
            token_type=issued.token_type,
            expires_in=int(issued.expires_in.total_seconds()),
            scope=str(issued.scope),
            refresh_token=issued.refresh_token or UNSET,
        )
    )


def introspection_reply(found: Introspection) -> Reply:
    if isinstance(found, ActiveAccessToken):
        return Reply(_described(found), _JSON_NO_STORE)
    return json_reply(introspection_members(found))


@lru_cache(maxsize=1_024)
def _described(found: ActiveAccessToken) -> bytes:
    """Write down a token that is active; until it is not, that reads the same each time."""
    return _encode(introspection_members(found))


def signed_introspection_reply(signed: str) -> Reply:
    """Answer with a JWT (RFC 9701 §5)."""
    return Reply(signed.encode("ascii"), (_SIGNED, *NO_STORE))


def revocation_reply() -> Reply:
    """Say that it is done, with nothing to read (RFC 7009 §2.2)."""
    return Reply(b"")
