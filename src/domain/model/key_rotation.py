"""What becomes of signing keys: pure functions of the keys that there are and the time (D6).

A key is announced in the key set before it signs, so that every copy of the
set that a verifier may hold knows it by then; and it stays in the set until
the last token that it signed has ended. Who may ask for what is judged
elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.model.keys import (
    KeyId,
    KeySchedule,
    KeyState,
    ScheduledKey,
    SealedKey,
    SigningAlgorithm,
    signer,
)

# The clocks of nodes that are ready differ by no more than this (D6).
CLOCK_DIFFERENCE: Final = timedelta(seconds=5)

# By so much an announcement is longer than a copy of the key set is good (D6).
ANNOUNCEMENT_MARGIN: Final = timedelta(seconds=60)

# By so much a key is published longer than its tokens can live.
REMOVAL_MARGIN: Final = timedelta(seconds=60)

Keys = tuple[SealedKey, ...]


@dataclass(frozen=True, slots=True)
class SealedSigningKey:
    """A sealed key with what every signing key has."""

    sealed: SealedKey
    algorithm: SigningAlgorithm
    schedule: KeySchedule

    @property
    def key_id(self) -> KeyId:
        return self.sealed.key_id


def signing_keys(keys: Iterable[SealedKey]) -> tuple[SealedSigningKey, ...]:
    """Return the signing keys among *keys*."""
    return tuple(
        SealedSigningKey(key, key.algorithm, key.schedule)
        for key in keys
        if key.algorithm is not None and key.schedule is not None
    )


def announced(
    keys: Iterable[ScheduledKey], algorithm: SigningAlgorithm, *, now: datetime
) -> ScheduledKey | None:
    """Return the key of *algorithm* that waits for its time, the first if there are several."""
    waiting = (
        key
        for key in keys
        if key.algorithm is algorithm and key.schedule.state(now) is KeyState.ANNOUNCED
    )
    return min(waiting, key=lambda key: key.schedule.activate_at, default=None)


def is_due(
    keys: Iterable[ScheduledKey],
    algorithm: SigningAlgorithm,
    *,
    interval: timedelta,
    announcement: timedelta,
    now: datetime,
) -> bool:
    """Tell whether a successor has to be announced now for keys to sign for *interval* each."""
    keys = tuple(keys)
    active = signer(keys, algorithm, now=now)
    if active is None or announced(keys, algorithm, now=now) is not None:
        return False
    return active.schedule.activate_at + interval <= now + announcement


def succeed(keys: Keys, successor: SealedKey, *, at: datetime, longest: timedelta) -> Keys:
    """Let *successor* sign from *at* on, and every other key of its algorithm no more.

    Args:
        keys: With *successor* among them or without.

        longest: The longest that a token can live which is issued from now on.
    """
    usual = KeySchedule(activate_at=at)
    begins = replace(usual, longest_lifetime=max(usual.longest_lifetime, longest))
    return (
        *(
            _ended(key, at, longest) if key.algorithm is successor.algorithm else key
            for key in keys
            if key.key_id != successor.key_id
        ),
        replace(successor, schedule=begins),
    )


def retire(keys: Keys, key_id: KeyId, *, at: datetime, longest: timedelta) -> Keys:
    """Let a key sign no more from *at* on."""
    return tuple(_ended(key, at, longest) if key.key_id == key_id else key for key in keys)


def remove(keys: Keys, key_id: KeyId, *, now: datetime) -> Keys:
    """Remove a key at once. If it was announced, the one that signs goes on without an end."""
    rest = tuple(key for key in keys if key.key_id != key_id)
    for removed in signing_keys(keys):
        if removed.key_id != key_id or removed.schedule.state(now) is not KeyState.ANNOUNCED:
            continue
        active = signer(signing_keys(rest), removed.algorithm, now=now)
        if active is not None and active.schedule.retire_at == removed.schedule.activate_at:
            endless = _without_end(active.schedule, now)
            return tuple(
                replace(key, schedule=endless) if key is active.sealed else key for key in rest
            )
    return rest


def covering(keys: Keys, key_id: KeyId, lifetime: timedelta) -> Keys:
    """Note that a key is going to sign a token of *lifetime*, unless its removal is settled."""
    return tuple(
        replace(key, schedule=replace(key.schedule, longest_lifetime=lifetime))
        if key.key_id == key_id and key.schedule is not None and not key.schedule.covers(lifetime)
        else key
        for key in keys
    )


def without_gone(keys: Keys, *, now: datetime) -> Keys:
    """Return *keys* without those whose tokens have all ended."""
    return tuple(
        key for key in keys if key.schedule is None or key.schedule.state(now) is not KeyState.GONE
    )


def _ended(key: SealedKey, at: datetime, longest: timedelta) -> SealedKey:
    """End a key's signing at *at*, unless it ends before. Its removal is never brought nearer."""
    schedule = key.schedule
    if schedule is None or (schedule.retire_at is not None and schedule.retire_at <= at):
        return key
    removal = at + max(longest, schedule.longest_lifetime) + REMOVAL_MARGIN
    remove_at = max(schedule.remove_at or removal, removal)
    return replace(key, schedule=replace(schedule, retire_at=at, remove_at=remove_at))


def _without_end(schedule: KeySchedule, now: datetime) -> KeySchedule:
    """Take back a planned end, remembering tokens that were issued to last until then."""
    longest = schedule.longest_lifetime
    if schedule.remove_at is not None:
        longest = max(longest, schedule.remove_at - now)
    return replace(schedule, retire_at=None, remove_at=None, longest_lifetime=longest)
