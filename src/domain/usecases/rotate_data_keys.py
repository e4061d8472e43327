"""Rotating the keys that derive refresh tokens and salt secrets (D4).

Tokens and hashes name the key they were made with, so a new one invalidates
nothing: it is used from then on, and an old one is kept as long as something
may still name it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from domain.model.catalogue import StoredCatalogue
from domain.model.clients import Client
from domain.model.events import AuditEvent, EventKind
from domain.model.keys import KeyId, KeyPurpose, SealedKey
from domain.ports.audit_trail import AuditTrail
from domain.ports.catalogue import CatalogueStore
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.envelope import Envelope
from domain.ports.families import RefreshFamilyStore
from domain.ports.secret_hashing import SecretHasher
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.each_client import each_client
from domain.usecases.make_symmetric_key import make_symmetric_key

SYMMETRIC_PURPOSES: Final = (KeyPurpose.REFRESH_MAC, KeyPurpose.SECRET_PEPPER)

# For requests in flight, and nodes whose clocks differ.
_SETTLING = timedelta(seconds=60)

_LEAST_DISTANCE = timedelta(milliseconds=1)


class DataKeyState(StrEnum):
    ACTIVE = "active"
    KEPT = "kept"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyStanding:
    """A symmetric key as administration shows it.

    Attributes:
        used_by: How many secrets name it; or how many live refresh tokens
            may, being older than its successor. None for the active key,
            which is never dropped.
    """

    key_id: KeyId
    purpose: KeyPurpose
    created_at: datetime
    state: DataKeyState
    used_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyRotation:
    """What a rotation did.

    Attributes:
        keys: All keys of the purpose, the newest first.

        dropped: The keys that nothing named any more.
    """

    keys: Sequence[DataKeyStanding]
    dropped: Sequence[KeyId]


class RotateDataKeys:
    def __init__(
        self,
        store: CatalogueStore,
        *,
        change: ChangeCatalogue,
        clients: ClientStore,
        families: RefreshFamilyStore,
        hasher: SecretHasher,
        envelope: Envelope,
        entropy: Entropy,
        clock: Clock,
        audit: AuditTrail,
    ) -> None:
        self._store = store
        self._change = change
        self._clients = clients
        self._families = families
        self._hasher = hasher
        self._envelope = envelope
        self._entropy = entropy
        self._clock = clock
        self._audit = audit

    async def list(self) -> Sequence[DataKeyStanding]:
        """Return every symmetric key by purpose, the newest first.

        Clients and their families are counted where an old key is kept.
        """
        stored = await self._store.load()
        return [
            standing
            for purpose in SYMMETRIC_PURPOSES
            for standing in await self._standings(_newest_first(stored.keys, purpose))
        ]

    async def __call__(self, purpose: KeyPurpose) -> DataKeyRotation:
        """Add a key that is used from now on, and drop those that nothing names.

        Args:
            purpose: One of `SYMMETRIC_PURPOSES`.
        """
        seen = _newest_first((await self._store.load()).keys, purpose)
        unused = {
            standing.key_id
            for standing in await self._standings(seen)
            if standing.state is DataKeyState.UNUSED
        }
        made = make_symmetric_key(
            purpose, envelope=self._envelope, entropy=self._entropy, created_at=self._clock.now()
        )
        await self._change(lambda stored: _succeeded(stored, made, unused))
        await self._record(made, unused)
        rest = _newest_first((await self._store.load()).keys, purpose)
        return DataKeyRotation(keys=await self._standings(rest), dropped=sorted(unused))

    async def _standings(self, newest_first: Sequence[SealedKey]) -> Sequence[DataKeyStanding]:
        """Judge the keys of one purpose."""
        kept = newest_first[1:]
        named = await self._count(newest_first) if kept else {}
        settled_before = self._clock.now() - _SETTLING
        active = [_standing(key, DataKeyState.ACTIVE) for key in newest_first[:1]]
        return active + [
            _standing(
                key,
                DataKeyState.UNUSED
                if not named.get(key.key_id) and successor.created_at < settled_before
                else DataKeyState.KEPT,
                used_by=named.get(key.key_id, 0),
            )
            for successor, key in pairwise(newest_first)
        ]

    async def _count(self, newest_first: Sequence[SealedKey]) -> Mapping[KeyId, int]:
        now = self._clock.now()
        named: Counter[KeyId] = Counter()
        if newest_first[0].purpose is KeyPurpose.SECRET_PEPPER:
            async for client in each_client(self._clients):
                named.update(self._peppers(client, now))
            return named
        settled = newest_first[0].created_at + _SETTLING
        async for client in each_client(self._clients):
            derived = await self._families.derivations(
                client.client_id, epoch=client.epoch, before=settled, now=now
            )
            named.update(_possible_macs(newest_first, derived))
        return named

    def _peppers(self, client: Client, now: datetime) -> Iterable[KeyId]:
        """Return the peppers of a client's secrets, those apart that have ended for good."""
        for secret in client.secrets:
            pepper_id = self._hasher.pepper_of(secret.hash)
            if pepper_id is not None and not secret.is_expired(now):
                yield pepper_id

    async def _record(self, made: SealedKey, dropped: Iterable[KeyId]) -> None:
        await self._audit.record(
            AuditEvent(
                kind=EventKind.KEY_ROTATED,
                at=self._clock.now(),
                subject=made.key_id,
                change=", ".join(
                    (f"{made.purpose} key made", *(f"{old} dropped" for old in sorted(dropped)))
                ),
            )
        )


def _possible_macs(
    newest_first: Sequence[SealedKey], derived: Iterable[datetime]
) -> Iterable[KeyId]:
    """Return the old key or keys that each refresh token may name, by when it was derived.

    A token that was given out again within a grace was derived later than its
    family tells, by a younger key; so all keys younger than the right one
    that are old by now count too.
    """
    for moment in derived:
        for successor, key in pairwise(newest_first):
            if moment < successor.created_at + _SETTLING:
                yield key.key_id


def _succeeded(
    stored: StoredCatalogue, made: SealedKey, unused: Iterable[KeyId]
) -> StoredCatalogue:
    """Return the catalogue with *made* as the newest key of its purpose, without *unused* ones."""
    before = _newest_first(stored.keys, made.purpose)
    # A clock that is behind the one that the last key was made by must not hide the new one.
    earliest = before[0].created_at + _LEAST_DISTANCE if before else made.created_at
    newest = replace(made, created_at=max(made.created_at, earliest))
    kept = (
        key for key in stored.keys if key.purpose is not made.purpose or key.key_id not in unused
    )
    return replace(stored, keys=(*kept, newest))


def _newest_first(keys: Iterable[SealedKey], purpose: KeyPurpose) -> Sequence[SealedKey]:
    of_purpose = (key for key in keys if key.purpose is purpose)
    return sorted(of_purpose, key=lambda key: key.created_at, reverse=True)


def _standing(
    key: SealedKey, state: DataKeyState, *, used_by: int | None = None
) -> DataKeyStanding:
    return DataKeyStanding(
        key_id=key.key_id,
        purpose=key.purpose,
        created_at=key.created_at,
        state=state,
        used_by=used_by,
    )
