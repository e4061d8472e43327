"""Making the keys that derive refresh tokens and salt secrets (D4)."""

from datetime import datetime

from domain.model.keys import KeyId, KeyPurpose, SealedKey
from domain.ports.entropy import Entropy
from domain.ports.envelope import Envelope

_KEY_BYTES = 32
_KEY_ID_BYTES = 6


def make_symmetric_key(
    purpose: KeyPurpose, *, envelope: Envelope, entropy: Entropy, created_at: datetime
) -> SealedKey:
    """Make and seal 256 random bits, under an id of their own."""
    key_id = KeyId(entropy.token(_KEY_ID_BYTES))
    material = entropy.octets(_KEY_BYTES)
    return SealedKey(
        purpose=purpose,
        key_id=key_id,
        created_at=created_at,
        sealed=envelope.seal(material, purpose=purpose, key_id=key_id),
    )
