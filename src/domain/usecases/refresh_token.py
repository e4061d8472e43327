"""The refresh token grant (RFC 6749 §6), with rotation (RFC 9700 §4.14.2)."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from domain.errors import InvalidGrant, InvalidRequest, InvalidTarget, RefreshTokenReplayed
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.events import AuditEvent, EventKind
from domain.model.families import (
    Absent,
    Ahead,
    AttemptId,
    Ended,
    Foreign,
    Generation,
    RefreshFamily,
    RefreshToken,
    Replayed,
    Rotated,
    Rotation,
    WithinGrace,
    derive_refresh_token,
)
from domain.model.tokens import FamilyMark
from domain.ports.audit_trail import AuditTrail
from domain.ports.entropy import Entropy
from domain.ports.families import RefreshFamilyStore
from domain.ports.reading import Reading
from domain.usecases.issue_token import Decision, Grant, PendingGrant, Proceeds, TokenRequest
from domain.usecases.token_policy import Ceiling, TokenPolicy


class RefreshTokenGrant:
    """Gives a client a new access token and the next refresh token.

    A refused request consumes nothing. A spent token that comes back ends
    its family, and so does one that the store has never recorded.
    """

    grant_type = GrantType.REFRESH_TOKEN
    issues = EventKind.TOKEN_REFRESHED

    def __init__(
        self,
        families: RefreshFamilyStore,
        *,
        entropy: Entropy,
        audit: AuditTrail,
    ) -> None:
        self._families = families
        self._entropy = entropy
        self._audit = audit

    def begin(self, request: TokenRequest, /, *, now: datetime) -> PendingGrant:
        token = RefreshToken.parse(request.refresh_token) if request.refresh_token else None
        family = self._families.find(token.family_id, now=now) if token is not None else None
        return _PendingRefresh(
            grant=self, given=bool(request.refresh_token), token=token, reading=family
        )

    def ceiling(
        self, family: RefreshFamily, client: Client, catalogue: Catalogue, policy: TokenPolicy
    ) -> Ceiling:
        """Give what was granted and what the client may still have.

        Raises:
            InvalidTarget: If none of the resources it was granted for is left.
        """
        scope = catalogue.known(family.scope & client.scope)
        allowed = policy.allowed_resources(client, catalogue)
        audience = tuple(resource for resource in family.audience if resource in allowed)
        if not audience:
            raise InvalidTarget("none of the granted resources is allowed any more")
        return Ceiling(scope=scope, default_scope=scope, audience=audience)

    async def rotate(
        self, token: RefreshToken, family: RefreshFamily, decision: Decision
    ) -> Proceeds:
        client, policy, now = decision.client, decision.policy, decision.now
        rotation = await self._families.rotate(
            family.family_id,
            attempt=AttemptId(self._entropy.token(16)),
            presented=token.generation,
            owner=client.client_id,
            now=now,
            grace=policy.refresh_grace(client),
            expires_at=policy.refresh_expiry(client, must_end_by=family.must_end_by, now=now),
            retire_access=policy.revoke_access_token_on_refresh,
        )
        match rotation:
            case Rotated() | WithinGrace():
                return _proceeds(family, rotation, decision.catalogue)
            case Replayed():
                await self._end(family, EventKind.REFRESH_TOKEN_REPLAYED, decision)
                raise RefreshTokenReplayed(f"generation {token.generation} was spent before")
            case Ahead():
                await self._end(family, EventKind.REFRESH_TOKEN_AHEAD, decision)
                raise InvalidGrant(f"generation {token.generation} is ahead of the store")
            case Foreign() | Ended() | Absent():
                raise InvalidGrant(_why(rotation))
            case _ as unreachable:
                assert_never(unreachable)

    async def _end(self, family: RefreshFamily, alarm: EventKind, decision: Decision) -> None:
        await self._families.end(family.family_id, now=decision.now)
        await self._audit.record(
            AuditEvent(
                kind=alarm,
                at=decision.now,
                origin=decision.origin,
                client_id=decision.client.client_id,
                grant_type=self.grant_type,
                family_id=family.family_id,
            )
        )


@dataclass(frozen=True, slots=True)
class _PendingRefresh:
    """A refresh at work. The family it reads is advice: `rotate` decides."""

    grant: RefreshTokenGrant
    given: bool
    token: RefreshToken | None
    reading: Reading[RefreshFamily | None] | None

    async def ceiling(self, client: Client, catalogue: Catalogue, policy: TokenPolicy) -> Ceiling:
        if not self.given:
            raise InvalidRequest("no refresh_token", hint="refresh_token is missing")
        _, family = await self._require_own(client, catalogue)
        return self.grant.ceiling(family, client, catalogue, policy)

    async def carry_out(self, decision: Decision) -> Proceeds:
        token, family = await self._require_own(decision.client, decision.catalogue)
        return await self.grant.rotate(token, family, decision)

    async def _require_own(
        self, client: Client, catalogue: Catalogue
    ) -> tuple[RefreshToken, RefreshFamily]:
        """Return token and family, if the token is authentic and the family this client's."""
        if self.token is None or self.reading is None:
            raise InvalidGrant("not a refresh token of this server")
        if not self.token.is_authentic(catalogue.keyring.refresh_macs):
            raise InvalidGrant("a refresh token with a wrong MAC")
        family = await self.reading
        if family is None:
            raise InvalidGrant(_why(Absent()))
        if family.owner != client.client_id:
            raise InvalidGrant(_why(Foreign()))
        if family.ended or family.epoch != client.epoch:
            raise InvalidGrant(_why(Ended()))
        return self.token, family


def _proceeds(
    family: RefreshFamily, rotation: Rotated | WithinGrace, catalogue: Catalogue
) -> Proceeds:
    successor: Generation = rotation.successor
    return Proceeds(
        refresh_token=derive_refresh_token(
            family.family_id, successor, catalogue.keyring.refresh_mac
        ),
        family=FamilyMark(family_id=family.family_id, generation=successor),
        family_expires_at=rotation.expires_at,
    )


def _why(rotation: Rotation) -> str:
    return f"the refresh family is {type(rotation).__name__.lower()}"


_: type[Grant] = RefreshTokenGrant
