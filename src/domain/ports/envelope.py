from collections.abc import Sequence
from typing import NewType, Protocol

from domain.errors import Unavailable
from domain.model.keys import KeyId, KeyPurpose

MasterKeyId = NewType("MasterKeyId", str)


class MasterKeyMismatch(Unavailable):
    """No master key at hand opens this envelope.

    A node that was not given the master key can decide nothing that rests on
    it (D8); the detail names the master keys asked for and at hand.
    """


class Envelope(Protocol):
    """Wraps data keys under the master key; kind and id are bound in (D4)."""

    @property
    def master_keys(self) -> Sequence[MasterKeyId]:
        """The master keys at hand, newest first. The newest seals, any unseals."""
        ...

    def seal(self, material: bytes, /, *, purpose: KeyPurpose, key_id: KeyId) -> bytes: ...

    def unseal(self, sealed: bytes, /, *, purpose: KeyPurpose, key_id: KeyId) -> bytes:
        """Unwrap.

        Raises:
            MasterKeyMismatch: If no master key at hand sealed it, for this
                purpose and id.
        """
        ...

    def sealed_by(self, sealed: bytes, /) -> MasterKeyId:
        """Read which master key an envelope says it was sealed by, at hand or not.

        Raises:
            MasterKeyMismatch: If it is no envelope that this release knows.
        """
        ...
