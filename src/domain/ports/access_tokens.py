from datetime import datetime
from typing import Protocol

from domain.model.tokens import AccessTokenClaims, TokenDigest
from domain.ports.reading import Reading


class AccessTokenStore(Protocol):
    """Where opaque access tokens live, by digest. JWTs leave no record (D1)."""

    async def add(self, digest: TokenDigest, claims: AccessTokenClaims, /) -> None:
        """Keep a token until its `expires_at`."""
        ...

    def find(self, digest: TokenDigest, /, *, now: datetime) -> Reading[AccessTokenClaims | None]:
        """Begin to read what a token claims; None if it expired or never was."""
        ...

    async def remove(self, digest: TokenDigest, /) -> bool:
        """Forget a token and tell whether there was one."""
        ...
