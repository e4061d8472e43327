"""Rotating the master key: what an older one sealed is sealed anew by the newest (D4).

Data keys and kept secrets stay what they are, so no token and no secret is
invalidated. What was sealed anew already is passed over, so whoever is
stopped halfway begins again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from domain.errors import ClientNotFound, Conflict
from domain.model.catalogue import StoredCatalogue
from domain.model.clients import Client
from domain.model.credentials import RegisteredSecret, sealed_key_id
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import ClientId
from domain.model.keys import KeyId, KeyPurpose, SealedKey
from domain.ports.audit_trail import AuditTrail
from domain.ports.catalogue import CatalogueStore
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.ports.envelope import Envelope, MasterKeyId
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.change_client import ChangeClient
from domain.usecases.each_client import each_client

_NAMED_CLIENTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKeyStanding:
    """What a master key still seals.

    Attributes:
        at_hand: Whether this process was given it.

        kept_secrets_of: The client of each kept secret that it seals.
    """

    master_key_id: MasterKeyId
    at_hand: bool
    data_keys: int
    kept_secrets_of: Sequence[ClientId]

    @property
    def kept_secrets(self) -> int:
        return len(self.kept_secrets_of)

    @property
    def seals_nothing(self) -> bool:
        return not (self.data_keys or self.kept_secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrapped:
    """What was sealed anew, and what each master key seals since.

    Attributes:
        standings: The newest master key first.
    """

    data_keys: int
    kept_secrets: int
    standings: Sequence[MasterKeyStanding]


class Rewrap:
    def __init__(
        self,
        store: CatalogueStore,
        clients: ClientStore,
        *,
        change_catalogue: ChangeCatalogue,
        change_client: ChangeClient,
        envelope: Envelope,
        clock: Clock,
        audit: AuditTrail,
    ) -> None:
        self._store = store
        self._clients = clients
        self._change_catalogue = change_catalogue
        self._change_client = change_client
        self._envelope = envelope
        self._clock = clock
        self._audit = audit

    async def standings(self) -> Sequence[MasterKeyStanding]:
        """Tell what each master key seals: those at hand, newest first, then those that are not."""
        stored = await self._store.load()
        data_keys = Counter(self._envelope.sealed_by(key.sealed) for key in stored.keys)
        owners: dict[MasterKeyId, list[ClientId]] = {}
        async for client in each_client(self._clients):
            for sealed in _sealed(client):
                owners.setdefault(self._envelope.sealed_by(sealed), []).append(client.client_id)
        at_hand = self._envelope.master_keys
        return [
            MasterKeyStanding(
                master_key_id=master_key_id,
                at_hand=master_key_id in at_hand,
                data_keys=data_keys[master_key_id],
                kept_secrets_of=owners.get(master_key_id, ()),
            )
            for master_key_id in dict.fromkeys((*at_hand, *data_keys, *owners))
        ]

    async def __call__(self, *, progress: Callable[[int, int], None]) -> Rewrapped:
        """Seal by the newest master key whatever another one sealed.

        Kept secrets come first, each in one step with its client, and the
        data keys last, all in one: as long as any secret needs an older
        master key, so do the data keys, and no process starts without it.

        Args:
            progress: Told after each client how many kept secrets are sealed
                anew, and of how many.

        Raises:
            Conflict: If a master key that is needed is not at hand, or there
                is nothing to do and no other key to do it with.
        """
        newest, *older = before = await self.standings()
        _require_at_hand(older)
        if all(standing.seals_nothing for standing in older):
            _require_another(newest, older)
            return Rewrapped(data_keys=0, kept_secrets=0, standings=before)
        secrets = await self._rewrap_clients(
            progress, expected=sum(standing.kept_secrets for standing in older)
        )
        changed = await self._change_catalogue(self._with_rewrapped_keys)
        data_keys = sum(self._is_stale(key.sealed) for key in changed.before.keys) if changed else 0
        await self._record(data_keys, secrets)
        return Rewrapped(
            data_keys=data_keys, kept_secrets=secrets, standings=await self.standings()
        )

    async def _rewrap_clients(self, progress: Callable[[int, int], None], *, expected: int) -> int:
        done = 0
        async for client in each_client(self._clients):
            if stale := sum(map(self._is_stale, _sealed(client))):
                await self._rewrap_client(client.client_id)
                done += stale
                progress(done, max(done, expected))
        return done

    def _is_stale(self, sealed: bytes) -> bool:
        return self._envelope.sealed_by(sealed) != self._envelope.master_keys[0]

    async def _rewrap_client(self, client_id: ClientId) -> None:
        def change(client: Client) -> Client:
            secrets = (self._with_rewrapped(client, kept) for kept in client.secrets)
            return replace(client, secrets=tuple(secrets))

        with suppress(ClientNotFound):  # deleted meanwhile, and its secrets with it
            await self._change_client(client_id, change)

    def _with_rewrapped(self, client: Client, kept: RegisteredSecret) -> RegisteredSecret:
        if kept.sealed is None or not self._is_stale(kept.sealed):
            return kept
        key_id = sealed_key_id(client.client_id, kept.secret_id)
        return replace(kept, sealed=self._anew(kept.sealed, KeyPurpose.CLIENT_SECRET, key_id))

    def _with_rewrapped_keys(self, stored: StoredCatalogue) -> StoredCatalogue:
        return replace(stored, keys=tuple(map(self._with_rewrapped_key, stored.keys)))

    def _with_rewrapped_key(self, key: SealedKey) -> SealedKey:
        if not self._is_stale(key.sealed):
            return key
        return replace(key, sealed=self._anew(key.sealed, key.purpose, key.key_id))

    def _anew(self, sealed: bytes, purpose: KeyPurpose, key_id: KeyId) -> bytes:
        material = self._envelope.unseal(sealed, purpose=purpose, key_id=key_id)
        return self._envelope.seal(material, purpose=purpose, key_id=key_id)

    async def _record(self, data_keys: int, secrets: int) -> None:
        await self._audit.record(
            AuditEvent(
                kind=EventKind.MASTER_KEY_ROTATED,
                at=self._clock.now(),
                subject=self._envelope.master_keys[0],
                change=f"{data_keys} data keys, {secrets} kept secrets",
            )
        )


def _sealed(client: Client) -> Iterable[bytes]:
    return (kept.sealed for kept in client.secrets if kept.sealed is not None)


def _require_at_hand(standings: Iterable[MasterKeyStanding]) -> None:
    for missing in standings:
        if missing.at_hand:
            continue
        owners = sorted(set(missing.kept_secrets_of))
        named = ", ".join(owners[:_NAMED_CLIENTS]) + ", ..." * (len(owners) > _NAMED_CLIENTS)
        raise Conflict(
            f"master key {missing.master_key_id} is not at hand",
            hint=(
                f"master key {missing.master_key_id} seals secrets kept for {named} and is not at"
                " hand: name its file too, or delete those secrets"
            ),
        )


def _require_another(newest: MasterKeyStanding, older: Sequence[MasterKeyStanding]) -> None:
    if not older:
        raise Conflict(
            "nothing to rewrap",
            hint=(
                f"nothing to do: master key {newest.master_key_id} is the only one named and seals"
                " everything already"
            ),
        )
