"""The life of signing keys: rotated, imported, retired, revoked (D6)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.errors import Conflict, KeyNotFound
from domain.model.events import EventKind
from domain.model.key_rotation import (
    CLOCK_DIFFERENCE,
    Keys,
    SealedSigningKey,
    announced,
    remove,
    retire,
    signing_keys,
    succeed,
)
from domain.model.keys import (
    KeyId,
    Keyring,
    KeySchedule,
    KeyState,
    SealedKey,
    SigningAlgorithm,
    SigningKey,
    signer,
)
from domain.ports.clock import Clock
from domain.ports.signing import KeySetWriter
from domain.usecases.change_keys import ChangeKeys
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.key_usage import KeyUsage
from domain.usecases.make_signing_key import MakeSigningKey

_USERS_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStanding:
    """A signing key as administration shows it.

    Attributes:
        pinned: Whether an operator gave it by file, so that nothing here changes it.
    """

    key_id: KeyId
    algorithm: SigningAlgorithm
    state: KeyState
    schedule: KeySchedule
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """The public half of a signing key, in the two forms in which programs take it."""

    jwk: Mapping[str, Any]
    pem: str


class AdministerKeys:
    """Changes what signs, each time in one step that loses to whoever was faster.

    Args:
        announcement: How long a key is published before it signs.
    """

    def __init__(
        self,
        catalogue: CurrentCatalogue,
        *,
        change: ChangeKeys,
        usage: KeyUsage,
        make: MakeSigningKey,
        writer: KeySetWriter,
        clock: Clock,
        announcement: timedelta,
    ) -> None:
        self._catalogue = catalogue
        self._change = change
        self._usage = usage
        self._make = make
        self._writer = writer
        self._clock = clock
        self._announcement = announcement

    async def list_keys(self) -> Sequence[KeyStanding]:
        """Return every signing key, by algorithm and in the order of their lives."""
        keyring = (await self._catalogue.read()).keyring
        now = self._clock.now()
        keys = sorted(
            keyring.signing, key=lambda key: (key.algorithm, key.schedule.activate_at, key.key_id)
        )
        return [_standing(key, now=now, pinned=key.key_id in keyring.pinned) for key in keys]

    async def public_keys(self, key_id: KeyId | None = None) -> Sequence[PublicKey]:
        """Return the public halves of all keys that verifiers may meet, or of the one named.

        Raises:
            KeyNotFound: If the one named is not among them.
        """
        keyring = (await self._catalogue.read()).keyring
        published = keyring.published(self._clock.now())
        keys = [key for key in published if key_id in (None, key.key_id)]
        if key_id is not None and not keys:
            raise KeyNotFound(key_id, hint=key_id)
        return [PublicKey(jwk=self._writer.jwk(key), pem=self._writer.pem(key)) for key in keys]

    async def rotate(
        self, algorithm: SigningAlgorithm | None = None, *, at_once: bool = False
    ) -> KeyStanding:
        """Announce a new key, which signs as soon as it has been announced for long enough.

        What signs until then stays published until its last token has ended.
        An algorithm without a key gets its first like this.

        Args:
            algorithm: The server's if left out.

            at_once: Has the announced key sign now, or a new one if none is
                announced. Who keeps a copy of the key set does not know it.

        Raises:
            Conflict: If a successor is announced already, the key that signs
                came by file, or somebody else was faster.
        """
        catalogue = await self._catalogue.read()
        settled = algorithm or self._usage.server_algorithm(catalogue)
        waiting = announced(catalogue.keyring.signing, settled, now=self._clock.now())
        if waiting is not None and at_once:
            return await self._hasten(waiting)
        return await self._introduce(self._make(settled), EventKind.KEY_ROTATED, at_once=at_once)

    async def import_key(self, key: SigningKey, *, at_once: bool = False) -> KeyStanding:
        """Announce a key that was made elsewhere, as `rotate` does with one made here.

        Args:
            key: Its schedule is not looked at.

        Raises:
            Conflict: If the key is here already, or as `rotate` does.
        """
        return await self._introduce(self._make.seal(key), EventKind.KEY_IMPORTED, at_once=at_once)

    async def retire(self, key_id: KeyId) -> KeyStanding:
        """Let a key sign no more. It stays published until its last token has ended.

        Raises:
            KeyNotFound: If there is no such key.
            Conflict: If it does not sign, came by file, or is the last that
                signs for somebody.
        """
        catalogue = await self._catalogue.read()
        algorithm = _require_changeable(catalogue.keyring, key_id).algorithm
        longest = await self._usage.longest_lifetime(catalogue)
        users = await self._usage.users(algorithm, catalogue)

        def change(keys: Keys, now: datetime) -> Keys:
            _require_active(_require(keys, key_id), now)
            rest = retire(keys, key_id, at=now, longest=longest)
            others = signing_keys(rest)
            if users and signer(others, algorithm, now=now) is None:
                waiting = announced(others, algorithm, now=now)
                raise Conflict(
                    "the last active key",
                    hint=f"it is the last active {algorithm} key, and {_naming(users)} would be"
                    f" without one: {_said_of(waiting) if waiting else 'rotate first'}",
                )
            return rest

        keys = await self._change(EventKind.KEY_RETIRED, key_id, change)
        return _standing(_require(keys, key_id), now=self._clock.now())

    async def revoke(self, key_id: KeyId) -> KeyStanding | None:
        """Remove a key that others may have: its tokens are inactive from now on.

        If it is the one that signs, the announced key does from now on, or a
        new one if none is announced.

        Returns:
            What signs by its algorithm now, if anything does.

        Raises:
            KeyNotFound: If there is no such key.
            Conflict: If it came by file.
        """
        keyring = (await self._catalogue.read()).keyring
        algorithm = _require_changeable(keyring, key_id).algorithm
        spare = self._make(algorithm)

        def change(keys: Keys, now: datetime) -> Keys:
            revoked = _require(keys, key_id)
            rest = remove(keys, key_id, now=now)
            others = signing_keys(rest)
            was_active = revoked.schedule.state(now) is KeyState.ACTIVE
            if not was_active or signer(others, algorithm, now=now) is not None:
                return rest
            waiting = announced(others, algorithm, now=now)
            successor = waiting.sealed if waiting is not None else spare
            # A node whose clock is behind would have nothing to sign with.
            return succeed(rest, successor, at=now - CLOCK_DIFFERENCE, longest=timedelta())

        keys = await self._change(EventKind.KEY_REVOKED, key_id, change)
        now = self._clock.now()
        signs = signer(signing_keys(keys), algorithm, now=now)
        return _standing(signs, now=now) if signs is not None else None

    async def _introduce(self, key: SealedKey, kind: EventKind, *, at_once: bool) -> KeyStanding:
        """Have a key succeed what signs by its algorithm, unless that changes meanwhile."""
        catalogue = await self._catalogue.read()
        [introduced] = signing_keys([key])
        algorithm = introduced.algorithm
        _require_unpinned(catalogue.keyring, algorithm)
        seen = _ids(catalogue.keyring.signing, algorithm)
        longest = await self._usage.longest_lifetime(catalogue)

        def change(keys: Keys, now: datetime) -> Keys:
            stored = signing_keys(keys)
            if key.key_id in _ids(stored, algorithm):
                raise Conflict("the same key twice", hint=f"key {key.key_id} is here already")
            waiting = announced(stored, algorithm, now=now)
            if waiting is not None:
                raise Conflict("announced already", hint=_said_of(waiting))
            if seen != _ids(stored, algorithm):
                raise Conflict("changed meanwhile", hint="somebody else changed the keys meanwhile")
            at = now if at_once else now + self._announcement
            return succeed(keys, key, at=at, longest=longest)

        keys = await self._change(kind, key.key_id, change)
        return _standing(_require(keys, key.key_id), now=self._clock.now())

    async def _hasten(self, waiting: SigningKey) -> KeyStanding:
        """Have an announced key sign now."""
        catalogue = await self._catalogue.read()
        _require_unpinned(catalogue.keyring, waiting.algorithm)
        longest = await self._usage.longest_lifetime(catalogue)

        def change(keys: Keys, now: datetime) -> Keys:
            found = _require(keys, waiting.key_id)
            if found.schedule.state(now) is not KeyState.ANNOUNCED:
                raise Conflict("active already", hint=f"key {found.key_id} signs already")
            return succeed(keys, found.sealed, at=now, longest=longest)

        keys = await self._change(EventKind.KEY_ROTATED, waiting.key_id, change)
        return _standing(_require(keys, waiting.key_id), now=self._clock.now())


def _standing(
    key: SigningKey | SealedSigningKey, *, now: datetime, pinned: bool = False
) -> KeyStanding:
    return KeyStanding(
        key_id=key.key_id,
        algorithm=key.algorithm,
        state=key.schedule.state(now),
        schedule=key.schedule,
        pinned=pinned,
    )


def _ids(
    keys: Iterable[SigningKey | SealedSigningKey], algorithm: SigningAlgorithm
) -> frozenset[KeyId]:
    return frozenset(key.key_id for key in keys if key.algorithm is algorithm)


def _require(keys: Keys, key_id: KeyId) -> SealedSigningKey:
    for key in signing_keys(keys):
        if key.key_id == key_id:
            return key
    raise KeyNotFound(key_id, hint=key_id)


def _require_changeable(keyring: Keyring, key_id: KeyId) -> SigningKey:
    if key_id in keyring.pinned:
        raise Conflict(
            "a key by file", hint="that key comes from signing_key_file: change the settings"
        )
    for key in keyring.signing:
        if key.key_id == key_id:
            return key
    raise KeyNotFound(key_id, hint=key_id)


def _require_unpinned(keyring: Keyring, algorithm: SigningAlgorithm) -> None:
    if keyring.is_pinned(algorithm):
        raise Conflict(
            "a key by file",
            hint=f"the {algorithm} key comes from signing_key_file, and no stored key signs"
            " beside it: change the settings",
        )


def _require_active(key: SealedSigningKey, now: datetime) -> None:
    match key.schedule.state(now):
        case KeyState.ANNOUNCED:
            raise Conflict(
                "not active yet", hint="it has not signed anything: revoke takes it back"
            )
        case KeyState.RETIRED | KeyState.GONE:
            raise Conflict("retired already", hint="it does not sign any more")
        case KeyState.ACTIVE:
            return


def _said_of(waiting: SealedSigningKey) -> str:
    when = waiting.schedule.activate_at.isoformat(timespec="seconds")
    return f"key {waiting.key_id} is announced already and signs from {when}"


def _naming(users: Sequence[str]) -> str:
    named = ", ".join(users[:_USERS_NAMED])
    rest = len(users) - _USERS_NAMED
    return f"{named} and {rest} more" if rest > 0 else named
