"""Making signing keys, and sealing them for the store (D4)."""

from domain.model.key_rotation import CLOCK_DIFFERENCE
from domain.model.keys import KeyPurpose, SealedKey, SigningAlgorithm, SigningKey
from domain.ports.clock import Clock
from domain.ports.envelope import Envelope
from domain.ports.signing import KeyMaker


class MakeSigningKey:
    def __init__(self, *, maker: KeyMaker, envelope: Envelope, clock: Clock) -> None:
        self._maker = maker
        self._envelope = envelope
        self._clock = clock

    def __call__(self, algorithm: SigningAlgorithm) -> SealedKey:
        """Make a key that signs from now on, on nodes whose clock is behind too."""
        since = self._clock.now() - CLOCK_DIFFERENCE
        return self.seal(self._maker.make(algorithm, activate_at=since))

    def seal(self, key: SigningKey) -> SealedKey:
        """Return *key* as a store keeps it, under its own schedule."""
        sealed = self._envelope.seal(key.material, purpose=KeyPurpose.SIGNING, key_id=key.key_id)
        return SealedKey(
            purpose=KeyPurpose.SIGNING,
            key_id=key.key_id,
            created_at=self._clock.now(),
            sealed=sealed,
            algorithm=key.algorithm,
            schedule=key.schedule,
        )
