"""The payload of a client assertion: types and no more; the core judges (RFC 7523 §3)."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from adapters.jose.segments import read_object
from domain.model.assertions import AssertionClaims
from domain.model.identifiers import ClientId

_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last that datetime knows

_Printable = Annotated[str, Meta(pattern=r"\A[\x20-\x7E]+\Z")]
_Name = Annotated[str, Meta(pattern=r"\A[\x20-\x7E]+\Z", max_length=255)]
_WellFormed = Annotated[str, Meta(pattern=r"\A[^\ud800-\udfff]+\Z")]
# A fraction is allowed (RFC 7519 §2), and some clients send one.
_NumericDate = Annotated[float, Meta(ge=0, le=_LAST_SECOND)]


class _Subject(msgspec.Struct, frozen=True):
    sub: _Name


class _Payload(_Subject, frozen=True, kw_only=True):
    """Other members are ignored."""

    iss: _Printable
    aud: str | list[str]
    exp: _NumericDate
    jti: _WellFormed
    iat: _NumericDate | UnsetType = UNSET
    nbf: _NumericDate | UnsetType = UNSET


def read_subject(octets: bytes) -> ClientId:
    """Read whose a payload claims to be, and nothing else of it.

    Raises:
        ValueError: If it does not say, or is no JSON object.
    """
    return ClientId(_convert(octets, _Subject).sub)


def read_assertion_claims(octets: bytes) -> AssertionClaims:
    """Read a payload.

    Raises:
        ValueError: If a claim is missing, of another type or out of range, or
            if a member comes twice.
    """
    payload = _convert(octets, _Payload)
    return AssertionClaims(
        issuer=payload.iss,
        subject=ClientId(payload.sub),
        audience=(payload.aud,) if isinstance(payload.aud, str) else tuple(payload.aud),
        jti=payload.jti,
        expires_at=datetime.fromtimestamp(payload.exp, UTC),
        issued_at=_moment(payload.iat),
        not_before=_moment(payload.nbf),
    )


_Kind = TypeVar("_Kind", bound=_Subject)


def _convert(octets: bytes, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(read_object(octets), kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"not the claims of an assertion: {error}") from None


def _moment(seconds: float | UnsetType) -> datetime | None:
    return None if seconds is UNSET else datetime.fromtimestamp(seconds, UTC)
