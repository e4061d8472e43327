"""The catalogue in its current version, read anew only when the version moved."""

from collections.abc import Sequence
from dataclasses import replace

from domain.errors import Unavailable
from domain.model.catalogue import Catalogue, CatalogueVersion, StoredCatalogue
from domain.model.keys import KeyPurpose, Keyring, SealedKey, SigningKey, SymmetricKey, newest_first
from domain.model.scopes import ScopeDefinition
from domain.ports.catalogue import CatalogueStore
from domain.ports.envelope import Envelope
from domain.ports.probe import NotReady
from domain.ports.reading import Reading


class KeysMissing(NotReady):
    """The store holds none. Who serves makes no new ones: all that was issued would end."""

    def __init__(self, detail: str, /) -> None:
        super().__init__("the keys are missing", detail)


class CurrentCatalogue:
    """Reads and unseals the catalogue.

    Args:
        pinned: Signing keys that an operator gave by file. They stand before
            the stored keys of the same algorithm.

        built_in: Scopes that are known whatever is stored.
    """

    def __init__(
        self,
        store: CatalogueStore,
        envelope: Envelope,
        *,
        pinned: Sequence[SigningKey] = (),
        built_in: Sequence[ScopeDefinition] = (),
    ) -> None:
        self._store = store
        self._envelope = envelope
        self._pinned = tuple(pinned)
        self._built_in = tuple(built_in)
        self._last: Catalogue | None = None

    def version(self) -> Reading[CatalogueVersion]:
        """Begin to read which version is current."""
        return self._store.version()

    async def at(self, version: CatalogueVersion) -> Catalogue:
        """Return the catalogue of *version*, or of a later one.

        Raises:
            Unavailable: If the store cannot be read; `KeysMissing` if it holds no keys.
            MasterKeyMismatch: If its keys are sealed by another master key.
        """
        if self._last is None or self._last.version != version:
            stored = await self._store.load(seen=version)
            if self._last is None or self._last.version != stored.version:
                self._last = self._unseal(stored)
        return self._last

    async def read(self) -> Catalogue:
        """Return the catalogue as it is now."""
        return await self.at(await self.version())

    async def last_known(self) -> Catalogue:
        """Return the catalogue, of the last version read if the store is away (D8).

        For what lets verifiers live on (key set, metadata), never for a decision.
        """
        try:
            return await self.read()
        except Unavailable:
            if self._last is None:
                raise
            return self._last

    def _unseal(self, stored: StoredCatalogue) -> Catalogue:
        keyring = Keyring(
            signing=self._signing_keys(stored.keys),
            refresh_macs=self._symmetric_keys(stored.keys, KeyPurpose.REFRESH_MAC),
            peppers=self._symmetric_keys(stored.keys, KeyPurpose.SECRET_PEPPER),
            pinned=frozenset(key.key_id for key in self._pinned),
        )
        if not (keyring.signing and keyring.refresh_macs and keyring.peppers):
            if self._last is None:
                raise KeysMissing("the store holds no keys: grantd has not been started on it yet")
            raise KeysMissing("the keys are gone: the store lost what it held, or is another one")
        return Catalogue(
            version=stored.version,
            scopes={known.token: known for known in (*stored.scopes, *self._built_in)},
            resources={known.resource_id: known for known in stored.resources},
            keyring=keyring,
            policy=stored.policy,
        )

    def _signing_keys(self, keys: Sequence[SealedKey]) -> tuple[SigningKey, ...]:
        pinned = {key.algorithm: key for key in self._pinned}
        by_file = {key.key_id for key in self._pinned}
        stored = tuple(
            SigningKey(
                key_id=key.key_id,
                algorithm=key.algorithm,
                schedule=key.schedule,
                material=self._material(key),
            )
            for key in keys
            if key.algorithm is not None and key.schedule is not None
            if key.key_id not in by_file
        )
        return self._pinned + tuple(
            self._standing_behind(pinned[key.algorithm], key) if key.algorithm in pinned else key
            for key in stored
        )

    @staticmethod
    def _standing_behind(pinned: SigningKey, stored: SigningKey) -> SigningKey:
        """Keep a stored key for verifying alone: a pinned one signs in its place."""
        retire_at = max(stored.schedule.activate_at, pinned.schedule.activate_at)
        return replace(stored, schedule=replace(stored.schedule, retire_at=retire_at))

    def _symmetric_keys(
        self, keys: Sequence[SealedKey], purpose: KeyPurpose
    ) -> tuple[SymmetricKey, ...]:
        return newest_first(
            SymmetricKey(key_id=key.key_id, created_at=key.created_at, material=self._material(key))
            for key in keys
            if key.purpose is purpose
        )

    def _material(self, key: SealedKey) -> bytes:
        return self._envelope.unseal(key.sealed, purpose=key.purpose, key_id=key.key_id)
