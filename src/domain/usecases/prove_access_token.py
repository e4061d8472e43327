"""Proving an access token of ours, in whichever form it comes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.model.keys import Keyring
from domain.model.tokens import AccessTokenClaims, digest_opaque, is_opaque
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.reading import Reading
from domain.ports.signing import TokenRejected, TokenVerifier
from domain.usecases.token_standing import StandingReading, TokenStanding


class PendingAccessToken(Protocol):
    """An access token whose reads have begun."""

    async def prove(self, keyring: Keyring, *, now: datetime) -> AccessTokenClaims | None:
        """Return what it claims if this server issued it, and None if not.

        Nothing is said of whether it is still good.
        """
        ...

    async def is_good(self, claims: AccessTokenClaims, *, now: datetime) -> bool:
        """Tell whether it is neither expired, revoked nor ended, its proved claims being these."""
        ...


class ProveAccessToken:
    def __init__(
        self,
        *,
        verifier: TokenVerifier,
        standing: TokenStanding,
        access_tokens: AccessTokenStore,
        issuer: str,
    ) -> None:
        self._verifier = verifier
        self._standing = standing
        self._access_tokens = access_tokens
        self._issuer = issuer

    def begin(self, token: str, *, now: datetime) -> PendingAccessToken:
        """Begin the reads that will decide; what is read of a JWT here is advice."""
        if is_opaque(token):
            record = self._access_tokens.find(digest_opaque(token), now=now)
            return _PendingOpaqueToken(record, self._standing)
        claims = self._verifier.peek(token)
        if claims is None:
            return _NoToken()
        reading = self._standing.begin(claims, now=now)
        return _PendingJwt(token, claims, reading, self._standing, self._verifier, self._issuer)


@dataclass(frozen=True, slots=True)
class _PendingOpaqueToken:
    reading: Reading[AccessTokenClaims | None]
    standing: TokenStanding

    async def prove(self, _keyring: Keyring, *, now: datetime) -> AccessTokenClaims | None:  # noqa: ARG002  (the port's signature)
        return await self.reading

    async def is_good(self, claims: AccessTokenClaims, *, now: datetime) -> bool:
        reading = self.standing.begin(claims, now=now)
        return await self.standing.is_good(claims, reading, now=now)


@dataclass(frozen=True, slots=True)
class _PendingJwt:
    token: str = field(repr=False)
    foreseen: AccessTokenClaims
    reading: StandingReading
    standing: TokenStanding
    verifier: TokenVerifier
    issuer: str

    async def prove(self, keyring: Keyring, *, now: datetime) -> AccessTokenClaims | None:
        try:
            claims = await self.verifier.verify(
                self.token, keys=keyring.published(now), issuer=self.issuer
            )
        except TokenRejected:
            return None
        # What was read belongs to the claims foreseen, so they have to be the proved ones.
        return claims if claims == self.foreseen else None

    async def is_good(self, claims: AccessTokenClaims, *, now: datetime) -> bool:
        return await self.standing.is_good(claims, self.reading, now=now)


@dataclass(frozen=True, slots=True)
class _NoToken:
    async def prove(self, _keyring: Keyring, *, now: datetime) -> AccessTokenClaims | None:  # noqa: ARG002  (the port's signature)
        return None

    async def is_good(self, _claims: AccessTokenClaims, *, now: datetime) -> bool:  # noqa: ARG002  (likewise)
        return False
