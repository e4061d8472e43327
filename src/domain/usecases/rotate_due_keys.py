"""Rotating signing keys by the clock, however many nodes try to (D6)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain.model.events import EventKind
from domain.model.key_rotation import Keys, is_due, signing_keys, succeed
from domain.model.keys import KeyId, ScheduledKey, SigningAlgorithm
from domain.ports.clock import Clock
from domain.usecases.change_keys import ChangeKeys
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.key_usage import KeyUsage
from domain.usecases.make_signing_key import MakeSigningKey


class RotateDueKeys:
    """Announces the successors of keys that have signed for long enough.

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
        clock: Clock,
        announcement: timedelta,
    ) -> None:
        self._catalogue = catalogue
        self._change = change
        self._usage = usage
        self._make = make
        self._clock = clock
        self._announcement = announcement

    async def __call__(self, interval: timedelta) -> Sequence[KeyId]:
        """Announce a successor of each key that will have signed for *interval* by its time.

        Of any number of callers at one time one does it, and the others find
        it done. Algorithms whose key came by file are left alone.

        Returns:
            What this caller announced.
        """
        keyring = (await self._catalogue.read()).keyring
        now = self._clock.now()
        due = [
            algorithm
            for algorithm in SigningAlgorithm
            if not keyring.is_pinned(algorithm)
            and self._is_due(keyring.signing, algorithm, interval, now)
        ]
        announced = [await self._rotate(algorithm, interval) for algorithm in due]
        return [key_id for key_id in announced if key_id is not None]

    async def _rotate(self, algorithm: SigningAlgorithm, interval: timedelta) -> KeyId | None:
        longest = await self._usage.longest_lifetime(await self._catalogue.read())
        made = self._make(algorithm)

        def change(keys: Keys, now: datetime) -> Keys:
            if not self._is_due(signing_keys(keys), algorithm, interval, now):
                return keys
            return succeed(keys, made, at=now + self._announcement, longest=longest)

        keys = await self._change(EventKind.KEY_ROTATED, made.key_id, change)
        return made.key_id if any(key.key_id == made.key_id for key in keys) else None

    def _is_due(
        self,
        keys: Iterable[ScheduledKey],
        algorithm: SigningAlgorithm,
        interval: timedelta,
        now: datetime,
    ) -> bool:
        return is_due(keys, algorithm, interval=interval, announcement=self._announcement, now=now)
