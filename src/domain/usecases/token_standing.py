"""Whether a token that was good when it was issued still is.

Nothing that decides is remembered: client, family and revocation are read
for every question (D2).
"""

from datetime import datetime

from domain.model.clients import Client
from domain.model.families import RefreshFamily
from domain.model.tokens import AccessTokenClaims
from domain.model.values import value
from domain.ports.clients import ClientStore
from domain.ports.families import RefreshFamilyStore
from domain.ports.reading import Reading
from domain.ports.revocations import RevocationList


@value
class StandingReading:
    """Reads begun for one token."""

    client: Reading[Client | None]
    family: Reading[RefreshFamily | None] | None
    revoked: Reading[bool]


class TokenStanding:
    """Judges access tokens by what happened since they were issued."""

    def __init__(
        self,
        clients: ClientStore,
        families: RefreshFamilyStore,
        revocations: RevocationList,
    ) -> None:
        self._clients = clients
        self._families = families
        self._revocations = revocations

    def begin(self, claims: AccessTokenClaims, *, now: datetime) -> StandingReading:
        """Begin to read what decides about *claims*."""
        family = claims.family
        return StandingReading(
            self._clients.find(claims.client_id),
            self._families.find(family.family_id, now=now) if family is not None else None,
            self._revocations.contains(claims.token_id, now=now),
        )

    async def is_good(
        self, claims: AccessTokenClaims, reading: StandingReading, *, now: datetime
    ) -> bool:
        """Tell whether a proved token is neither expired, revoked nor ended."""
        if claims.is_expired(now) or await reading.revoked:
            return False
        client = await reading.client
        if client is None or client.disabled or client.epoch != claims.epoch:
            return False
        if claims.family is None:
            return True
        family = await reading.family if reading.family is not None else None
        return (
            family is not None
            and not family.ended
            and claims.family.generation >= family.least_access_generation
        )
