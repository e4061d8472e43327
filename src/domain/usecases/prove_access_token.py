"""Proving an access token of ours, in whichever form it comes."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

from domain.model.keys import Keyring
from domain.model.tokens import AccessTokenClaims, digest_opaque, is_opaque
from domain.model.values import value
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.reading import Reading
from domain.ports.signing import TokenRejected, TokenVerifier, UnprovedToken
from domain.usecases.token_standing import StandingReading, TokenStanding


class PendingAccessToken(Protocol):
    """An access token whose reads have begun."""

    async def prove(self, keyring: Keyring, *, now: datetime) -> AccessTokenClaims | None:
        """Return what it claims if this server issued it, and None if not.

        Nothing is said of whether it is still good.
        """
        ...

    def is_good(self, claims: AccessTokenClaims, *, now: datetime) -> Awaitable[bool]:
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
        self.verifier = verifier
        self.standing = standing
        self.issuer = issuer
        self._access_tokens = access_tokens

    def begin(self, token: str, *, now: datetime) -> PendingAccessToken:
        """Begin the reads that will decide; what is read of a JWT here is advice."""
        if is_opaque(token):
            record = self._access_tokens.find(digest_opaque(token), now=now)
            return _PendingOpaqueToken(record, self.standing)
        unproved = self.verifier.peek(token)
        if unproved is None:
            return _NoToken()
        return _PendingJwt(unproved, self.standing.begin(unproved.claims, now=now), self)


@value
class _PendingOpaqueToken:
    record: Reading[AccessTokenClaims | None]
    standing: TokenStanding

    async def prove(self, _keyring: Keyring, *, now: datetime) -> AccessTokenClaims | None:  # noqa: ARG002  (the port's signature)
        return await self.record

    def is_good(self, claims: AccessTokenClaims, *, now: datetime) -> Awaitable[bool]:
        return self.standing.is_good(claims, self.standing.begin(claims, now=now), now=now)


@value
class _PendingJwt:
    unproved: UnprovedToken
    reading: StandingReading
    by: ProveAccessToken

    async def prove(self, keyring: Keyring, *, now: datetime) -> AccessTokenClaims | None:
        keys, issuer = keyring.published(now), self.by.issuer
        try:
            return await self.by.verifier.verify(self.unproved, keys=keys, issuer=issuer)
        except TokenRejected:
            return None

    def is_good(self, claims: AccessTokenClaims, *, now: datetime) -> Awaitable[bool]:
        return self.by.standing.is_good(claims, self.reading, now=now)


@value
class _NoToken:
    async def prove(self, _keyring: Keyring, *, now: datetime) -> AccessTokenClaims | None:  # noqa: ARG002  (the port's signature)
        return None

    async def is_good(self, _claims: AccessTokenClaims, *, now: datetime) -> bool:  # noqa: ARG002  (likewise)
        return False
