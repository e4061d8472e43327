from typing import Protocol

from domain.model.credentials import SecretHash


class ForeignHashUnusable(Exception):
    """A hash that is not verified here. Its text says why, and shows nothing of the hash."""


class ForeignHashes(Protocol):
    """Knows the hashes of secrets that other servers write."""

    def read(self, text: str, /) -> SecretHash | None:
        """Return *text* as a hash that `SecretHasher` verifies; None if it is no hash.

        Raises:
            ForeignHashUnusable: If it is a hash, but of a kind that is not
                verified here, broken, or costing more than one comparison may.
        """
        ...
