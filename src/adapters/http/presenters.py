"""How answers are written; refusals are written in `errors`."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, assert_never

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from domain.model.identifiers import ResourceId
from domain.model.introspection import (
    ActiveAccessToken,
    ActiveRefreshToken,
    Inactive,
    Introspection,
)
from domain.model.tokens import IssuedToken

NO_STORE: Final[Mapping[str, str]] = MappingProxyType(
    {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 §5.1
)

_JSON: Final = "application/json;charset=UTF-8"

_encode = msgspec.json.Encoder().encode


class _TokenReply(Struct):
    """RFC 6749 §5.1, with `scope` always."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | UnsetType = UNSET


class _AccessTokenReply(Struct):
    """RFC 7662 §2.2 for an access token; `aud` is a string if there is one only."""

    active: bool
    scope: str
    client_id: str
    token_type: str
    exp: int
    iat: int
    sub: str
    aud: str | tuple[str, ...]
    iss: str
    jti: str
    owner: str | UnsetType = UNSET


class _RefreshTokenReply(Struct):
    """RFC 7662 §2.2 for a refresh token, which has no `token_type`: nobody may bear it."""

    active: bool
    scope: str
    client_id: str
    exp: int
    iat: int
    iss: str
    aud: str | tuple[str, ...]


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
    match found:
        case Inactive():
            return json_response({"active": False})
        case ActiveAccessToken():
            return json_response(_access_token(found))
        case ActiveRefreshToken():
            return json_response(_refresh_token(found))
        case _:
            assert_never(found)


def revocation_response() -> Response:
    """Say that it is done, with nothing to read (RFC 7009 §2.2)."""
    return Response(headers=NO_STORE)


def _access_token(found: ActiveAccessToken) -> _AccessTokenReply:
    claims = found.claims
    return _AccessTokenReply(
        active=True,
        scope=str(claims.scope),
        client_id=claims.client_id,
        token_type=found.token_type,
        exp=_numeric_date(claims.expires_at),
        iat=_numeric_date(claims.issued_at),
        sub=claims.subject,
        aud=_audience(claims.audience),
        iss=claims.issuer,
        jti=claims.token_id,
        owner=claims.owner or UNSET,
    )


def _refresh_token(found: ActiveRefreshToken) -> _RefreshTokenReply:
    family = found.family
    return _RefreshTokenReply(
        active=True,
        scope=str(family.scope),
        client_id=family.owner,
        exp=_numeric_date(family.expires_at),
        iat=_numeric_date(family.created_at),
        iss=found.issuer,
        aud=_audience(family.audience),
    )


def _audience(audience: tuple[ResourceId, ...]) -> str | tuple[str, ...]:
    return audience[0] if len(audience) == 1 else audience


def _numeric_date(moment: datetime) -> int:
    return int(moment.timestamp())
