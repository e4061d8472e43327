"""The token endpoint's whole work, in the phases that every grant shares (RFC 6749 §3.2).

A grant fills in only what is its own and cannot forget a shared step.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.errors import (
    GrantdError,
    InvalidClient,
    InvalidRequest,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.credentials import Presented
from domain.model.events import AuditEvent, EventKind, Origin
from domain.model.identifiers import ClientId, ResourceId
from domain.model.scopes import Scope
from domain.model.tokens import AccessTokenClaims, FamilyMark, IssuedToken
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.usecases.authenticate_client import AuthenticateClient
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.mint_access_token import MintAccessToken
from domain.usecases.token_policy import Ceiling, TokenPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token request, read once by the edge. An empty parameter is an omitted one.

    Attributes:
        scope: The tokens as the request delimits them, their grammar not yet
            judged: who is calling comes first.
    """

    credentials: Presented
    grant_type: str | None
    scope: tuple[str, ...] | None = None
    resources: tuple[str, ...] = ()
    refresh_token: str | None = field(default=None, repr=False)
    origin: Origin = Origin()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is going to be granted, to whom, when."""

    client: Client
    catalogue: Catalogue
    scope: Scope
    audience: tuple[ResourceId, ...]
    now: datetime
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceeds:
    """What a grant itself contributes to the token.

    Attributes:
        refresh_token: Handed to the client beside the access token.

        family: What the access token descends from; it lives no longer than
            *family_expires_at*.
    """

    refresh_token: str | None = field(default=None, repr=False)
    family: FamilyMark | None = None
    family_expires_at: datetime | None = None


class PendingGrant(Protocol):
    """A grant at work on one request."""

    async def ceiling(self, client: Client, catalogue: Catalogue) -> Ceiling:
        """Tell the most that this request can be given; change nothing."""
        ...

    async def carry_out(self, decision: Decision) -> Proceeds:
        """Do the grant's own part, after everything else was found in order."""
        ...


class Grant(Protocol):
    @property
    def grant_type(self) -> GrantType: ...

    @property
    def issues(self) -> EventKind: ...

    def begin(self, request: TokenRequest, /, *, now: datetime) -> PendingGrant:
        """Begin the reads that this request will need, before its sender is proved."""
        ...


class IssueToken:
    """Answers a token request, or refuses it and changes nothing.

    Args:
        grants: Those the settings switch on.
    """

    def __init__(
        self,
        grants: Iterable[Grant],
        *,
        authenticate: AuthenticateClient,
        catalogue: CurrentCatalogue,
        policy: TokenPolicy,
        mint: MintAccessToken,
        audit: AuditTrail,
        clock: Clock,
        allow_public_client_credentials: bool = False,
    ) -> None:
        self._grants: dict[str, Grant] = {grant.grant_type: grant for grant in grants}
        self._authenticate = authenticate
        self._catalogue = catalogue
        self._policy = policy
        self._mint = mint
        self._audit = audit
        self._clock = clock
        self._allow_public_client_credentials = allow_public_client_credentials

    async def __call__(self, request: TokenRequest) -> IssuedToken:
        """Issue a token.

        Raises:
            GrantdError: As RFC 6749 §5.2 and RFC 8707 §2 name it.
        """
        now = self._clock.now()
        try:
            return await self._issue(request, now)
        except GrantdError as refusal:
            claimed = self._authenticate.claimed(request.credentials)
            await self._audit.record(_refused(request, claimed, refusal, now))
            raise

    async def _issue(self, request: TokenRequest, now: datetime) -> IssuedToken:
        grant = self._grants.get(request.grant_type or "")
        version = self._catalogue.version()
        authentication = self._authenticate.begin(request.credentials, request.origin, now=now)
        pending = grant.begin(request, now=now) if grant is not None else None
        catalogue = await self._catalogue.at(await version)

        # 1. Who is calling.
        client = await authentication.prove(catalogue.keyring)

        # 2. Is the grant known.
        if not request.grant_type:
            raise InvalidRequest("no grant_type", hint="grant_type is missing")
        if grant is None or pending is None:
            raise UnsupportedGrantType("not switched on", hint=request.grant_type)

        # 3. May this client use it.
        self._require_permission(client, grant.grant_type)

        # 4. Scope and audience.
        ceiling = await pending.ceiling(client, catalogue)
        resources = self._policy.require_resources(request.resources, ceiling, client, catalogue)
        scope = self._policy.settle_scope(request.scope, resources, ceiling, catalogue)
        audience = self._policy.settle_audience(resources, scope, ceiling, client, catalogue)
        terms = self._policy.terms(client, grant.grant_type, audience, catalogue, now=now)
        decision = Decision(
            client=client,
            catalogue=catalogue,
            scope=scope,
            audience=audience,
            now=now,
            origin=request.origin,
        )

        # 5. The grant's own part.
        proceeds = await pending.carry_out(decision)

        # 6. Mint.
        minted = await self._mint(
            client,
            terms,
            scope=scope,
            audience=audience,
            now=now,
            family=proceeds.family,
            not_after=proceeds.family_expires_at,
        )

        # 7. Audit.
        await self._audit.record(_issued(request, grant.issues, minted.claims, now))
        return IssuedToken(
            access_token=minted.text,
            expires_in=minted.claims.expires_at - minted.claims.issued_at,
            scope=scope,
            refresh_token=proceeds.refresh_token,
        )

    def _require_permission(self, client: Client, grant_type: GrantType) -> None:
        if (
            grant_type is GrantType.CLIENT_CREDENTIALS
            and client.is_public
            and not self._allow_public_client_credentials
        ):
            # RFC 6749 §4.4: the client credentials grant is for confidential clients only.
            raise InvalidClient("a public client asked for client_credentials")
        if grant_type not in client.grant_types:
            raise UnauthorizedClient(f"not registered for {grant_type}")


def _issued(
    request: TokenRequest, kind: EventKind, claims: AccessTokenClaims, now: datetime
) -> AuditEvent:
    return AuditEvent(
        kind=kind,
        at=now,
        origin=request.origin,
        client_id=claims.client_id,
        grant_type=request.grant_type or "",
        scope=claims.scope,
        token_id=claims.token_id,
        family_id=claims.family.family_id if claims.family is not None else None,
    )


def _refused(
    request: TokenRequest, claimed: ClientId, refusal: GrantdError, now: datetime
) -> AuditEvent:
    return AuditEvent(
        kind=EventKind.TOKEN_REFUSED,
        at=now,
        origin=request.origin,
        client_id=claimed,
        grant_type=request.grant_type or "",
        reason=f"{refusal.code}: {refusal.detail}",
    )
