"""Access tokens: what they claim, and what is handed to the client."""

import hashlib
import re
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from domain.model.families import Generation
from domain.model.identifiers import (
    Bucket,
    ClientId,
    Epoch,
    FamilyId,
    Owner,
    ResourceId,
    TokenId,
    bucket_in,
)
from domain.model.scopes import Scope
from domain.model.values import value

TokenDigest = NewType("TokenDigest", str)

BEARER: Final = "Bearer"

SHORTEST_LIFETIME: Final = timedelta(seconds=1)  # `exp` and `expires_in` are whole seconds

_OPAQUE_PREFIX = "gda_"
_OPAQUE = re.compile(rf"{_OPAQUE_PREFIX}[0-9a-f]{{3}}[A-Za-z0-9_-]{{43}}")


class TokenFormat(StrEnum):
    JWT = "jwt"
    OPAQUE = "opaque"


@value(kw_only=True)
class FamilyMark:
    """Which refresh family, and which generation of it, a token came from (D12)."""

    family_id: FamilyId
    generation: Generation


@value(kw_only=True)
class AccessTokenClaims:
    """What an access token says, in either format (RFC 9068 §2.2).

    Times are whole seconds, as NumericDate is written.

    Attributes:
        epoch: The client's at the time of issue (D11).

        family: None unless the token was issued beside a refresh token.
    """

    issuer: str
    subject: ClientId | Owner
    audience: tuple[ResourceId, ...]
    client_id: ClientId
    scope: Scope
    issued_at: datetime
    expires_at: datetime
    token_id: TokenId
    epoch: Epoch
    owner: Owner | None = None
    family: FamilyMark | None = None

    def is_expired(self, now: datetime) -> bool:
        return now >= self.expires_at


@value(kw_only=True)
class IssuedToken:
    """A successful answer to a token request (RFC 6749 §5.1)."""

    access_token: str = field(repr=False)
    expires_in: timedelta
    scope: Scope
    refresh_token: str | None = field(default=None, repr=False)
    token_type: str = BEARER


def compose_opaque(bucket: Bucket, random: str) -> str:
    """Write an opaque access token: a prefix, its client's bucket, 256 random bits."""
    return f"{_OPAQUE_PREFIX}{bucket}{random}"


def is_opaque(token: str) -> bool:
    """Tell whether *token* is written as our opaque access tokens are."""
    return _OPAQUE.fullmatch(token) is not None


def digest_opaque(token: str) -> TokenDigest:
    """Return what a store knows of an opaque token: its bucket and a SHA-256 over all of it."""
    bucket = bucket_in(token.removeprefix(_OPAQUE_PREFIX))
    return TokenDigest(bucket + hashlib.sha256(token.encode()).hexdigest())


def digest_of_none(like: TokenDigest) -> TokenDigest:
    """Return what no token has for a digest, in the bucket of *like*."""
    return TokenDigest(bucket_in(like) + "none")
