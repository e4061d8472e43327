from datetime import datetime

from domain.model.tokens import AccessTokenClaims, TokenDigest
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.reading import Reading, Ready


class MemoryAccessTokenStore:
    def __init__(self) -> None:
        self._claims: dict[TokenDigest, AccessTokenClaims] = {}

    async def add(self, digest: TokenDigest, claims: AccessTokenClaims, /) -> None:
        self._claims[digest] = claims

    def find(self, digest: TokenDigest, /, *, now: datetime) -> Reading[AccessTokenClaims | None]:
        claims = self._claims.get(digest)
        return Ready(claims if claims is not None and not claims.is_expired(now) else None)

    async def remove(self, digest: TokenDigest, /) -> bool:
        return self._claims.pop(digest, None) is not None


_: type[AccessTokenStore] = MemoryAccessTokenStore
