"""Client assertions: a client proves itself by a JWT it signed (RFC 7523, RFC 10070)."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from domain.errors import InvalidClient
from domain.model.identifiers import ClientId, bucket_of

AssertionId = NewType("AssertionId", str)

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# Longer ones would make the memory of spent assertions grow without bound.
LONGEST_AHEAD: Final = timedelta(minutes=10)
TOLERATED_SKEW: Final = timedelta(seconds=30)

# A spent assertion is remembered beyond its `exp`: skew and clock difference together.
REMEMBERED_BEYOND: Final = timedelta(seconds=60)

SHORTEST_SHARED_SECRET: Final = 32  # bytes; RFC 7518 §3.2, for HS256


class AssertionAlgorithm(StrEnum):
    """JWS algorithms a client may sign with; `none` is not one (RFC 8725 §3.2)."""

    ES256 = "ES256"
    RS256 = "RS256"
    PS256 = "PS256"
    EDDSA = "EdDSA"
    HS256 = "HS256"

    @property
    def is_symmetric(self) -> bool:
        return self is AssertionAlgorithm.HS256


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionClaims:
    """What an assertion says, its signature proved and its types checked.

    Attributes:
        audience: As it was given; a lone string is a tuple of one.
    """

    issuer: str
    subject: ClientId
    audience: tuple[str, ...]
    jti: str
    expires_at: datetime
    issued_at: datetime | None = None
    not_before: datetime | None = None

    @property
    def assertion_id(self) -> AssertionId:
        """What the memory of spent assertions knows it by: a digest of `iss` and `jti`."""
        digest = hashlib.sha256(f"{self.issuer}\0{self.jti}".encode()).hexdigest()
        return AssertionId(bucket_of(self.issuer) + digest)

    @property
    def remembered_until(self) -> datetime:
        return self.expires_at + REMEMBERED_BEYOND


def require_acceptable(
    claims: AssertionClaims, *, client_id: ClientId, audiences: Collection[str], now: datetime
) -> None:
    """Hold an assertion to RFC 7523 §3 as RFC 10070 §4 updates it.

    Args:
        audiences: The issuer's identifier, and the token endpoint's URL for a
            client that is excused. `aud` has to be one of them and nothing else.

    Raises:
        InvalidClient: If it is not acceptable; the detail says why.
    """
    ahead = now + TOLERATED_SKEW
    for reason, broken in (
        ("iss and sub are not the client", {claims.issuer, claims.subject} != {client_id}),
        (
            "aud is not this server alone",
            len(claims.audience) != 1 or claims.audience[0] not in audiences,
        ),
        ("exp has passed", claims.expires_at <= now - TOLERATED_SKEW),
        ("exp is too far ahead", claims.expires_at > ahead + LONGEST_AHEAD),
        ("nbf is ahead", claims.not_before is not None and claims.not_before > ahead),
        ("iat is ahead", claims.issued_at is not None and claims.issued_at > ahead),
        ("jti is missing", not claims.jti),
    ):
        if broken:
            raise InvalidClient(f"the assertion is not acceptable: {reason}")
