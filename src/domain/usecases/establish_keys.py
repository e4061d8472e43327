"""The first start makes the keys (D4, D6). Every later one finds them."""

from collections.abc import Sequence

from domain.model.catalogue import StoredCatalogue
from domain.model.events import AuditEvent, EventKind
from domain.model.keys import KeyId, KeyPurpose, SealedKey, SigningAlgorithm
from domain.ports.audit_trail import AuditTrail
from domain.ports.catalogue import CatalogueReader, KeyStore
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.envelope import Envelope
from domain.ports.signing import KeyMaker

# ES256 is the default; RFC 9068 §2.1 requires that RS256 is supported.
_ALWAYS = (SigningAlgorithm.ES256, SigningAlgorithm.RS256)

_SYMMETRIC_KEY_BYTES = 32
_KEY_ID_BYTES = 6


class EstablishKeys:
    """Makes and seals the first keys unless there are some.

    Args:
        algorithm: What the server signs with, made besides the usual ones.
    """

    def __init__(
        self,
        reader: CatalogueReader,
        keys: KeyStore,
        *,
        maker: KeyMaker,
        envelope: Envelope,
        entropy: Entropy,
        clock: Clock,
        audit: AuditTrail,
        algorithm: SigningAlgorithm = SigningAlgorithm.ES256,
    ) -> None:
        self._reader = reader
        self._keys = keys
        self._maker = maker
        self._envelope = envelope
        self._entropy = entropy
        self._clock = clock
        self._audit = audit
        self._algorithms = tuple(dict.fromkeys((*_ALWAYS, algorithm)))

    async def __call__(self) -> StoredCatalogue:
        """Return the catalogue, with keys in it whoever made them.

        Raises:
            MasterKeyMismatch: If the keys there were sealed by another master key.
        """
        stored = await self._reader.load()
        if not stored.keys:
            keys = self._make_keys()
            if await self._keys.establish(keys):
                named = " ".join(key.key_id for key in keys)
                event = AuditEvent(
                    kind=EventKind.KEYS_ESTABLISHED, at=self._clock.now(), subject=named
                )
                await self._audit.record(event)
            stored = await self._reader.load()
        for key in stored.keys:
            self._envelope.unseal(key.sealed, purpose=key.purpose, key_id=key.key_id)
        return stored

    def _make_keys(self) -> Sequence[SealedKey]:
        signing = (self._make_signing_key(algorithm) for algorithm in self._algorithms)
        purposes = (KeyPurpose.REFRESH_MAC, KeyPurpose.SECRET_PEPPER)
        return (*signing, *(self._make_symmetric_key(purpose) for purpose in purposes))

    def _make_signing_key(self, algorithm: SigningAlgorithm) -> SealedKey:
        now = self._clock.now()
        key = self._maker.make(algorithm, activate_at=now)
        return SealedKey(
            purpose=KeyPurpose.SIGNING,
            key_id=key.key_id,
            created_at=now,
            sealed=self._envelope.seal(key.material, purpose=KeyPurpose.SIGNING, key_id=key.key_id),
            algorithm=algorithm,
            schedule=key.schedule,
        )

    def _make_symmetric_key(self, purpose: KeyPurpose) -> SealedKey:
        key_id = KeyId(self._entropy.token(_KEY_ID_BYTES))
        material = self._entropy.octets(_SYMMETRIC_KEY_BYTES)
        return SealedKey(
            purpose=purpose,
            key_id=key_id,
            created_at=self._clock.now(),
            sealed=self._envelope.seal(material, purpose=purpose, key_id=key_id),
        )
