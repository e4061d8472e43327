"""What a resource service learns about a token (RFC 7662 §2.2)."""

from dataclasses import dataclass, field
from typing import Final

from domain.model.clients import Client
from domain.model.families import RefreshFamily
from domain.model.tokens import BEARER, AccessTokenClaims
from domain.model.values import value


@dataclass(frozen=True, slots=True)
class Inactive:
    """Not a token this caller may rely on. Why is nobody's business."""


@value
class ActiveAccessToken:
    claims: AccessTokenClaims
    token_type: str = BEARER


@value
class ActiveRefreshToken:
    """A live refresh token, shown to its owner only, and never as a Bearer token."""

    family: RefreshFamily
    issuer: str


Introspection = Inactive | ActiveAccessToken | ActiveRefreshToken

INACTIVE: Final = Inactive()


@value
class SignedIntrospection:
    """A JWT that tells of a token (RFC 9701 §5), and whether it calls the token active."""

    text: str = field(repr=False)
    active: bool


def is_active(introspection: Introspection) -> bool:
    """Tell whether it calls the token active."""
    return not isinstance(introspection, Inactive)


def may_see(caller: Client, claims: AccessTokenClaims) -> bool:
    """Tell whether *caller* may learn about a token (RFC 7662 §4).

    It may if the token is its own, if it serves one of the token's
    audiences, or if it is registered to introspect any.
    """
    return (
        caller.introspect_any
        or caller.client_id == claims.client_id
        or not caller.serves.isdisjoint(claims.audience)
    )
