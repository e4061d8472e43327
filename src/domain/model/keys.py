"""Keys: what signs tokens, what derives refresh tokens, what salts secrets.

A key's state is a function of its schedule and the time (D6), so that all
nodes agree on it without talking to each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NewType, Protocol, TypeVar

from domain.errors import InvalidRegistration, Unavailable

KeyId = NewType("KeyId", str)

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
_AFTER_ALL: Final = datetime.max.replace(tzinfo=UTC)


class KeyPurpose(StrEnum):
    """What a stored key is for; bound into its envelope (D4)."""

    SIGNING = "signing"
    REFRESH_MAC = "refresh-mac"
    SECRET_PEPPER = "secret-pepper"  # noqa: S105  (the name of a purpose)
    CLIENT_SECRET = "client-secret"  # noqa: S105  (likewise)


class SigningAlgorithm(StrEnum):
    """JWS algorithms grantd signs with (RFC 7518 §3.1, RFC 8037 §3.1)."""

    ES256 = "ES256"
    RS256 = "RS256"
    EDDSA = "EdDSA"


class KeyState(StrEnum):
    ANNOUNCED = "announced"
    ACTIVE = "active"
    RETIRED = "retired"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySchedule:
    """When a signing key signs, stops signing, and stops being published.

    Attributes:
        retire_at: None as long as no successor is planned.

        remove_at: No token's `exp` passes it; None as long as it is not retired.

        longest_lifetime: No token was signed that lives longer, but for those
            that *remove_at* cuts.
    """

    activate_at: datetime
    retire_at: datetime | None = None
    remove_at: datetime | None = None
    longest_lifetime: timedelta = timedelta(hours=1)  # the usual one, which need not be noted

    def covers(self, lifetime: timedelta) -> bool:
        """Tell whether the key will be published until a token of *lifetime* has ended."""
        return self.remove_at is not None or lifetime <= self.longest_lifetime

    @property
    def moments(self) -> tuple[datetime, ...]:
        """When its key's state changes."""
        planned = (self.activate_at, self.retire_at, self.remove_at)
        return tuple(moment for moment in planned if moment is not None)

    def state(self, now: datetime) -> KeyState:
        if self.remove_at is not None and now >= self.remove_at:
            return KeyState.GONE
        if self.retire_at is not None and now >= self.retire_at:
            return KeyState.RETIRED
        return KeyState.ACTIVE if now >= self.activate_at else KeyState.ANNOUNCED


class _Scheduled(Protocol):
    """A signing key in any form that tells when it signs."""

    @property
    def algorithm(self) -> SigningAlgorithm: ...

    @property
    def schedule(self) -> KeySchedule: ...


class _Named(Protocol):
    """A key in any form that tells its id."""

    @property
    def key_id(self) -> KeyId: ...


ScheduledKey = TypeVar("ScheduledKey", bound=_Scheduled)
NamedKey = TypeVar("NamedKey", bound=_Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A data key as a store keeps it: wrapped by the master key (D4)."""

    purpose: KeyPurpose
    key_id: KeyId
    created_at: datetime
    sealed: bytes = field(repr=False)
    algorithm: SigningAlgorithm | None = None
    schedule: KeySchedule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key that signs tokens.

    Attributes:
        key_id: The RFC 7638 thumbprint of its public half.

        material: PKCS #8 in DER, unencrypted.
    """

    key_id: KeyId
    algorithm: SigningAlgorithm
    schedule: KeySchedule
    material: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymmetricKey:
    """256 random bits, for one purpose, under an id that tokens and hashes name."""

    key_id: KeyId
    created_at: datetime
    material: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysInForce:
    """What the signing keys do while no schedule says anything new.

    Attributes:
        signers: The key that signs by each algorithm.

        published: Those that verifiers may meet: announced, active and retired.
    """

    since: datetime
    until: datetime
    signers: Mapping[SigningAlgorithm, SigningKey]
    published: tuple[SigningKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """All keys in use, unsealed.

    Attributes:
        refresh_macs: Newest first, and so are *peppers*.

        pinned: Those of the signing keys that an operator gave by file.
    """

    signing: tuple[SigningKey, ...]
    refresh_macs: tuple[SymmetricKey, ...]
    peppers: tuple[SymmetricKey, ...]
    pinned: frozenset[KeyId] = frozenset()
    _in_force: "list[KeysInForce]" = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def at(self, now: datetime) -> "KeysInForce":
        """Return what the signing keys do now, which is another thing only at certain moments."""
        for known in self._in_force:
            if known.since <= now < known.until:
                return known
        self._in_force[:] = [keys_in_force(self.signing, now)]
        return self._in_force[0]

    def signer(self, algorithm: SigningAlgorithm, *, now: datetime) -> SigningKey | None:
        """Return the key that signs by *algorithm*."""
        return self.at(now).signers.get(algorithm)

    def signing_by(self, algorithm: SigningAlgorithm, *, now: datetime) -> SigningKey:
        """Return the key to sign with.

        Raises:
            Unavailable: If there is none at this time. There may be soon, and
                to a clock that is right there may be one now.
        """
        key = self.signer(algorithm, now=now)
        if key is None:
            raise Unavailable(f"no active key for {algorithm}")
        return key

    def is_pinned(self, algorithm: SigningAlgorithm) -> bool:
        """Tell whether a key that came by file signs in place of the stored ones."""
        return any(key.algorithm is algorithm for key in self.signing if key.key_id in self.pinned)

    def require_signer(self, algorithm: SigningAlgorithm, *, now: datetime) -> None:
        """Refuse what is to be registered for an algorithm that nothing signs with.

        Raises:
            InvalidRegistration: If no key of *algorithm* is active.
        """
        if self.signer(algorithm, now=now) is None:
            raise InvalidRegistration(
                "no key", hint=f"there is no active key for {algorithm}: see grantd keys list"
            )

    def published(self, now: datetime) -> tuple[SigningKey, ...]:
        """Return the keys that verifiers may meet: announced, active and retired."""
        return self.at(now).published

    @property
    def refresh_mac(self) -> SymmetricKey:
        return self.refresh_macs[0]

    @property
    def pepper(self) -> SymmetricKey:
        return self.peppers[0]


def signer(
    keys: Iterable[ScheduledKey], algorithm: SigningAlgorithm, *, now: datetime
) -> ScheduledKey | None:
    """Return the active key of *algorithm* that was activated last: the one that signs."""
    active = (
        key
        for key in keys
        if key.algorithm is algorithm and key.schedule.state(now) is KeyState.ACTIVE
    )
    return max(active, key=lambda key: key.schedule.activate_at, default=None)


def keys_in_force(keys: Sequence[SigningKey], now: datetime) -> KeysInForce:
    """Return which of *keys* do what, from the last moment that any changed to the next."""
    moments = [moment for key in keys for moment in key.schedule.moments]
    signers = ((algorithm, signer(keys, algorithm, now=now)) for algorithm in SigningAlgorithm)
    return KeysInForce(
        since=max((moment for moment in moments if moment <= now), default=_BEFORE_ALL),
        until=min((moment for moment in moments if moment > now), default=_AFTER_ALL),
        signers={algorithm: key for algorithm, key in signers if key is not None},
        published=tuple(key for key in keys if key.schedule.state(now) is not KeyState.GONE),
    )


def newest_first(keys: Iterable[SymmetricKey]) -> tuple[SymmetricKey, ...]:
    return tuple(sorted(keys, key=lambda key: key.created_at, reverse=True))


def by_id(keys: Iterable[NamedKey], key_id: str) -> NamedKey | None:
    for key in keys:
        if key.key_id == key_id:
            return key
    return None
