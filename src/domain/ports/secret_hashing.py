from collections.abc import Sequence
from typing import Protocol

from domain.model.credentials import ClientSecret, SecretHash
from domain.model.keys import KeyId, SymmetricKey


class SecretMismatch(Exception):
    """The secret is not the one that was hashed."""


class SecretHasher(Protocol):
    """Hashes client secrets: fast under a pepper if generated, slowly if chosen (D5)."""

    async def hash(self, secret: ClientSecret, /, *, pepper: SymmetricKey) -> SecretHash:
        """Hash a secret fast, under a pepper. For generated or proved secrets only."""
        ...

    async def hash_slowly(self, secret: ClientSecret, /) -> SecretHash:
        """Hash a secret that a human may have chosen."""
        ...

    async def verify(
        self,
        secret: ClientSecret,
        /,
        *,
        against: SecretHash | None,
        peppers: Sequence[SymmetricKey],
    ) -> KeyId | None:
        """Compare in constant time, and return `pepper_of` the hash.

        With *against* None it spends the time of a comparison with a fast
        hash, so that nobody learns which clients exist.

        Raises:
            SecretMismatch: If they differ, or if there is nothing to compare with.
        """
        ...

    def pepper_of(self, stored: SecretHash, /) -> KeyId | None:
        """Return which pepper a fast hash names; None for a slow one.

        Either is to be replaced on its next use unless the pepper is the newest.
        """
        ...
