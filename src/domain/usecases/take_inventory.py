"""How long what is there still lasts: keys that sign, secrets of clients."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.model.credentials import RegisteredSecret
from domain.model.keys import Keyring, KeyState, SigningAlgorithm, signer
from domain.ports.clock import Clock
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.each_client import PagedClients, each_page


class SecretLife(StrEnum):
    """How long a secret still works; each is in one of these."""

    EXPIRED = "expired"
    WEEK = "7d"
    MONTH = "30d"
    LONGER = "longer"


_ENDS_WITHIN: Final = (
    (timedelta(0), SecretLife.EXPIRED),
    (timedelta(days=7), SecretLife.WEEK),
    (timedelta(days=30), SecretLife.MONTH),
)

SecretCounts = Mapping[SecretLife, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmInventory:
    """The keys of one algorithm.

    Attributes:
        signs_since: Since when the one key signs that does; None if none does.

        signs_until: Until when one will, of those that sign or are announced;
            None if there is no end to it, or none will.
    """

    keys: Mapping[KeyState, int]
    signs_since: datetime | None
    signs_until: datetime | None


class TakeInventory:
    """Counts what an operator has to renew in time."""

    def __init__(self, clients: PagedClients, *, catalogue: CurrentCatalogue, clock: Clock) -> None:
        self._clients = clients
        self._catalogue = catalogue
        self._clock = clock

    async def keys(self) -> Mapping[SigningAlgorithm, AlgorithmInventory]:
        """Look at the signing keys of each algorithm.

        Raises:
            Unavailable: If the store cannot say.
        """
        keyring = (await self._catalogue.read()).keyring
        now = self._clock.now()
        return {algorithm: _inventory(keyring, algorithm, now) for algorithm in SigningAlgorithm}

    async def secrets(self) -> AsyncIterator[SecretCounts]:
        """Count the secrets of all clients, a page of clients at a time.

        Yields what was counted so far, so that whoever counts sets the pace;
        the last is the count.

        Raises:
            Unavailable: If the store cannot say.
        """
        counts = dict.fromkeys(SecretLife, 0)
        async for page in each_page(self._clients):
            now = self._clock.now()
            for client in page:
                for secret in client.secrets:
                    counts[life_of(secret, now)] += 1
            yield dict(counts)
        yield counts


def life_of(secret: RegisteredSecret, now: datetime) -> SecretLife:
    """Tell how long *secret* still works."""
    if secret.expires_at is None:
        return SecretLife.LONGER
    left = secret.expires_at - now
    return next((life for within, life in _ENDS_WITHIN if left <= within), SecretLife.LONGER)


def _inventory(keyring: Keyring, algorithm: SigningAlgorithm, now: datetime) -> AlgorithmInventory:
    own = [key for key in keyring.published(now) if key.algorithm is algorithm]
    states = [key.schedule.state(now) for key in own]
    ends = [
        key.schedule.retire_at
        for key, state in zip(own, states, strict=True)
        if state in (KeyState.ACTIVE, KeyState.ANNOUNCED)
    ]
    signing = signer(own, algorithm, now=now)
    return AlgorithmInventory(
        keys={state: states.count(state) for state in KeyState if state is not KeyState.GONE},
        signs_since=signing.schedule.activate_at if signing is not None else None,
        signs_until=None if None in ends else max(filter(None, ends), default=None),
    )
