"""The first start makes the keys (D4, D6). Every later one finds them."""

from collections.abc import Sequence
from dataclasses import replace

from domain.model.catalogue import StoredCatalogue
from domain.model.events import AuditEvent, EventKind
from domain.model.keys import KeyPurpose, SealedKey, SigningAlgorithm
from domain.ports.audit_trail import AuditTrail
from domain.ports.catalogue import CatalogueStore
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.envelope import Envelope
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.make_signing_key import MakeSigningKey
from domain.usecases.make_symmetric_key import make_symmetric_key

# ES256 is the default; RFC 9068 §2.1 requires that RS256 is supported.
_ALWAYS = (SigningAlgorithm.ES256, SigningAlgorithm.RS256)


class EstablishKeys:
    """Makes and seals the first keys unless there are some.

    Args:
        algorithm: What the server signs with, made besides the usual ones.
    """

    def __init__(
        self,
        store: CatalogueStore,
        *,
        change: ChangeCatalogue,
        make_signing_key: MakeSigningKey,
        envelope: Envelope,
        entropy: Entropy,
        clock: Clock,
        audit: AuditTrail,
        algorithm: SigningAlgorithm = SigningAlgorithm.ES256,
    ) -> None:
        self._store = store
        self._change = change
        self._make_signing_key = make_signing_key
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
        stored = await self._store.load()
        if not stored.keys:
            await self._establish(self._make_keys())
            stored = await self._store.load()
        for key in stored.keys:
            self._envelope.unseal(key.sealed, purpose=key.purpose, key_id=key.key_id)
        return stored

    async def _establish(self, keys: Sequence[SealedKey]) -> None:
        def add(stored: StoredCatalogue) -> StoredCatalogue:
            return stored if stored.keys else replace(stored, keys=tuple(keys))

        if await self._change(add):
            named = " ".join(key.key_id for key in keys)
            await self._audit.record(
                AuditEvent(kind=EventKind.KEYS_ESTABLISHED, at=self._clock.now(), subject=named)
            )

    def _make_keys(self) -> Sequence[SealedKey]:
        signing = (self._make_signing_key(algorithm) for algorithm in self._algorithms)
        purposes = (KeyPurpose.REFRESH_MAC, KeyPurpose.SECRET_PEPPER)
        symmetric = (
            make_symmetric_key(
                purpose,
                envelope=self._envelope,
                entropy=self._entropy,
                created_at=self._clock.now(),
            )
            for purpose in purposes
        )
        return (*signing, *symmetric)
