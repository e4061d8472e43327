"""Ending a token before its time (RFC 7009).

An unknown token and a stranger's are answered alike: nothing happens and
nothing is learned.
"""

from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import InvalidRequest
from domain.model.catalogue import Catalogue
from domain.model.clients import Client
from domain.model.credentials import Presented
from domain.model.events import AuditEvent, EventKind, Origin
from domain.model.families import RefreshToken
from domain.model.identifiers import FamilyId, TokenId
from domain.model.lifetimes import REVOCATION_MARGIN
from domain.model.tokens import digest_opaque, is_opaque
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.ports.families import RefreshFamilyStore
from domain.ports.revocations import RevocationList
from domain.ports.signing import TokenRejected, TokenVerifier
from domain.usecases.authenticate_client import AuthenticateClient
from domain.usecases.current_catalogue import CurrentCatalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRequest:
    """A wish to end a token. `token_type_hint` is not needed: tokens tell their kind."""

    credentials: Presented
    token: str | None = field(repr=False)
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True)
class _Ended:
    token_id: TokenId | None = None
    family_id: FamilyId | None = None


class RevokeToken:
    def __init__(
        self,
        *,
        authenticate: AuthenticateClient,
        catalogue: CurrentCatalogue,
        verifier: TokenVerifier,
        revocations: RevocationList,
        access_tokens: AccessTokenStore,
        families: RefreshFamilyStore,
        audit: AuditTrail,
        issuer: str,
        clock: Clock,
    ) -> None:
        self._authenticate = authenticate
        self._catalogue = catalogue
        self._verifier = verifier
        self._revocations = revocations
        self._access_tokens = access_tokens
        self._families = families
        self._audit = audit
        self._issuer = issuer
        self._clock = clock

    async def __call__(self, request: RevocationRequest) -> None:
        """End the token if it is the caller's. When it returns, that is stored.

        A refresh token takes its family and the access tokens of the family
        along (RFC 7009 §2.1); an access token goes alone.

        Raises:
            InvalidClient: If the caller is not proved.
            InvalidRequest: If no token is named.
        """
        now = self._clock.now()
        version = self._catalogue.version()
        authentication = self._authenticate.begin(request.credentials, request.origin, now=now)
        catalogue = await self._catalogue.at(await version)
        caller = await authentication.prove(catalogue.keyring)
        if not request.token:
            raise InvalidRequest("no token", hint="token is missing")
        ended = await self._end(request.token, caller, catalogue, now)
        if ended is not None:
            await self._audit.record(
                AuditEvent(
                    kind=EventKind.TOKEN_REVOKED,
                    at=now,
                    origin=request.origin,
                    client_id=caller.client_id,
                    token_id=ended.token_id,
                    family_id=ended.family_id,
                )
            )

    async def _end(
        self, token: str, caller: Client, catalogue: Catalogue, now: datetime
    ) -> _Ended | None:
        if (refresh_token := RefreshToken.parse(token)) is not None:
            return await self._end_family(refresh_token, caller, catalogue, now)
        if is_opaque(token):
            return await self._end_opaque(token, caller, now)
        return await self._end_jwt(token, caller, catalogue, now)

    async def _end_family(
        self, token: RefreshToken, caller: Client, catalogue: Catalogue, now: datetime
    ) -> _Ended | None:
        """End the family by a token of any generation: its owner wants it gone."""
        if not token.is_authentic(catalogue.keyring.refresh_macs):
            return None
        family = await self._families.find(token.family_id, now=now)
        if family is None or family.owner != caller.client_id:
            return None
        ended = await self._families.end(family.family_id, now=now)
        return _Ended(family_id=family.family_id) if ended else None

    async def _end_opaque(self, token: str, caller: Client, now: datetime) -> _Ended | None:
        digest = digest_opaque(token)
        claims = await self._access_tokens.find(digest, now=now)
        if claims is None or claims.client_id != caller.client_id:
            return None
        await self._access_tokens.remove(digest)
        return _Ended(token_id=claims.token_id)

    async def _end_jwt(
        self, token: str, caller: Client, catalogue: Catalogue, now: datetime
    ) -> _Ended | None:
        """List the `jti` of a JWT whose signature, issuer and ownership are proved (D1)."""
        try:
            claims = await self._verifier.verify(
                token, keys=catalogue.keyring.published(now), issuer=self._issuer
            )
        except TokenRejected:
            return None
        if claims.client_id != caller.client_id or claims.is_expired(now):
            return None
        await self._revocations.add(
            claims.token_id, until=claims.expires_at + REVOCATION_MARGIN, now=now
        )
        return _Ended(token_id=claims.token_id)
