"""How answers are written; refusals are written in `errors`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from adapters.introspection_members import introspection_members
from domain.model.introspection import Introspection
from domain.model.tokens import IssuedToken

NO_STORE: Final[Mapping[str, str]] = MappingProxyType(
    {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 §5.1
)

SIGNED_INTROSPECTION: Final = "application/token-introspection+jwt"

_JSON: Final = "application/json;charset=UTF-8"

_encode = msgspec.json.Encoder().encode


class _TokenReply(Struct):
    """RFC 6749 §5.1, with `scope` always."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | UnsetType = UNSET


def json_response(
    content: object, *, status: int = 200, headers: Mapping[str, str] = NO_STORE
) -> Response:
    return Response(_encode(content), status, headers, _JSON)


def token_response(issued: IssuedToken) -> Response:
    return json_response(
        _TokenReply(
            access_token=issued.access_token,
            token_type=issued.token_type,
            expires_in=int(issued.expires_in.total_seconds()),
            scope=str(issued.scope),
            refresh_token=issued.refresh_token or UNSET,
        )
    )


def introspection_response(found: Introspection) -> Response:
    return json_response(introspection_members(found))


def signed_introspection_response(signed: str) -> Response:
    """Answer with a JWT (RFC 9701 §5)."""
    return Response(signed, headers=NO_STORE, media_type=SIGNED_INTROSPECTION)


def revocation_response() -> Response:
    """Say that it is done, with nothing to read (RFC 7009 §2.2)."""
    return Response(headers=NO_STORE)
