from datetime import datetime
from typing import Protocol

from domain.model.identifiers import TokenId
from domain.ports.reading import Reading


class RevocationList(Protocol):
    """Which JWTs were revoked before their time, by `jti` (D1).

    A JWT is never listed by its text or a digest of it: encodings and ECDSA
    signatures are malleable.
    """

    async def add(self, token_id: TokenId, /, *, until: datetime, now: datetime) -> None:
        """List a token until *until*; listing it twice is listing it once."""
        ...

    def contains(self, token_id: TokenId, /, *, now: datetime) -> Reading[bool]:
        """Begin to ask; whatever was acknowledged before MUST be seen."""
        ...
