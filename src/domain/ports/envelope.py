from typing import Protocol

from domain.model.keys import KeyId, KeyPurpose


class MasterKeyMismatch(Exception):
    """No master key at hand opens this envelope."""


class Envelope(Protocol):
    """Wraps data keys under the master key; kind and id are bound in (D4)."""

    def seal(self, material: bytes, /, *, purpose: KeyPurpose, key_id: KeyId) -> bytes: ...

    def unseal(self, sealed: bytes, /, *, purpose: KeyPurpose, key_id: KeyId) -> bytes:
        """Unwrap.

        Raises:
            MasterKeyMismatch: If no master key at hand sealed it, for this
                purpose and id.
        """
        ...
