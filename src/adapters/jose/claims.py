"""The payload of an access token: RFC 9068 §2.2, `owner`, and `grantd` (D12)."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from adapters.jose.segments import read_object
from domain.errors import InvalidScope
from domain.model.families import Generation
from domain.model.identifiers import (
    ClientId,
    Epoch,
    FamilyId,
    Owner,
    ResourceId,
    TokenId,
    is_made_for_a_client,
)
from domain.model.scopes import Scope
from domain.model.tokens import AccessTokenClaims, FamilyMark

_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last that datetime knows
_LAST_GENERATION = 10**15

_NonEmpty = Annotated[str, Meta(min_length=1)]
_Printable = Annotated[str, Meta(pattern=r"\A[\x20-\x7E]+\Z")]
_Name = Annotated[str, Meta(pattern=r"\A[\x20-\x7E]+\Z", max_length=255)]
_Audience = _Printable | Annotated[list[_Printable], Meta(min_length=1)]
_NumericDate = Annotated[int, Meta(ge=0, le=_LAST_SECOND)]
_Generation = Annotated[int, Meta(ge=1, lt=_LAST_GENERATION)]


class _Grantd(msgspec.Struct, frozen=True, kw_only=True):
    epoch: _Name
    family: str | UnsetType = UNSET
    generation: _Generation | UnsetType = UNSET


class _Payload(msgspec.Struct, frozen=True, kw_only=True):
    """The members in the order they are written; others are ignored when read."""

    iss: _NonEmpty
    sub: _Name
    aud: _Audience
    client_id: _Name
    scope: _NonEmpty | UnsetType = UNSET
    iat: _NumericDate
    exp: _NumericDate
    jti: str
    owner: _Name | UnsetType = UNSET
    grantd: _Grantd


_encode = msgspec.json.Encoder().encode


def write_claims(claims: AccessTokenClaims) -> bytes:
    family = claims.family
    return _encode(
        _Payload(
            iss=claims.issuer,
            sub=claims.subject,
            aud=claims.audience[0] if len(claims.audience) == 1 else list(claims.audience),
            client_id=claims.client_id,
            scope=str(claims.scope) or UNSET,
            iat=int(claims.issued_at.timestamp()),
            exp=int(claims.expires_at.timestamp()),
            jti=claims.token_id,
            owner=claims.owner or UNSET,
            grantd=_Grantd(
                epoch=claims.epoch,
                family=family.family_id if family is not None else UNSET,
                generation=family.generation if family is not None else UNSET,
            ),
        )
    )


def read_claims(octets: bytes) -> AccessTokenClaims:
    """Read a payload, each claim held to the shape we write it in.

    Raises:
        ValueError: If a claim is missing, of another type or out of range, or
            if a member comes twice.
    """
    try:
        payload = msgspec.convert(read_object(octets), _Payload)
        scope = Scope.parse(payload.scope) if payload.scope is not UNSET else Scope()
    except (msgspec.ValidationError, InvalidScope) as error:
        raise ValueError("not the claims of an access token of ours") from error
    if not is_made_for_a_client(payload.jti):
        raise ValueError("jti is not one of ours")
    audience = [payload.aud] if isinstance(payload.aud, str) else payload.aud
    return AccessTokenClaims(
        issuer=payload.iss,
        subject=ClientId(payload.sub),
        audience=tuple(ResourceId(resource) for resource in audience),
        client_id=ClientId(payload.client_id),
        scope=scope,
        issued_at=datetime.fromtimestamp(payload.iat, UTC),
        expires_at=datetime.fromtimestamp(payload.exp, UTC),
        token_id=TokenId(payload.jti),
        epoch=Epoch(payload.grantd.epoch),
        owner=Owner(payload.owner) if payload.owner is not UNSET else None,
        family=_family(payload.grantd),
    )


def _family(grantd: _Grantd) -> FamilyMark | None:
    family, generation = grantd.family, grantd.generation
    if family is UNSET and generation is UNSET:
        return None
    if family is UNSET or generation is UNSET or not is_made_for_a_client(family):
        raise ValueError("family and generation do not hold together")
    return FamilyMark(family_id=FamilyId(family), generation=Generation(generation))
