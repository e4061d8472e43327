"""The members of an introspection response, wherever it is written (RFC 7662 §2.2)."""

from datetime import datetime
from typing import assert_never

from msgspec import UNSET, Struct, UnsetType

from domain.model.identifiers import ResourceId
from domain.model.introspection import (
    ActiveAccessToken,
    ActiveRefreshToken,
    Inactive,
    Introspection,
)


class _InactiveMembers(Struct):
    active: bool = False


class _AccessTokenMembers(Struct):
    """`aud` is a string if there is one only; `owner` is ours."""

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


class _RefreshTokenMembers(Struct):
    """A refresh token has no `token_type`: nobody may bear it."""

    active: bool
    scope: str
    client_id: str
    exp: int
    iat: int
    iss: str
    aud: str | tuple[str, ...]


def introspection_members(found: Introspection) -> Struct:
    """Return the members, to be written by msgspec."""
    match found:
        case Inactive():
            return _InactiveMembers()
        case ActiveAccessToken():
            return _access_token(found)
        case ActiveRefreshToken():
            return _refresh_token(found)
        case _:
            assert_never(found)


def _access_token(found: ActiveAccessToken) -> _AccessTokenMembers:
    claims = found.claims
    return _AccessTokenMembers(
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


def _refresh_token(found: ActiveRefreshToken) -> _RefreshTokenMembers:
    family = found.family
    return _RefreshTokenMembers(
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
