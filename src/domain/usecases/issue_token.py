"""The token endpoint's whole work, in the phases that every grant shares (RFC 6749 §3.2).

A grant fills in only what is its own and cannot forget a shared step.
"""

from collections.abc import Iterable
from dataclasses import field
from datetime import datetime
from typing import Final, Protocol

from domain.errors import (
    GrantdError,
    InvalidRequest,
    UnsupportedGrantType,
)
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.credentials import Presented
from domain.model.events import AuditEvent, EventKind, Origin, reason_of
from domain.model.identifiers import ClientId, ResourceId
from domain.model.scopes import Scope
from domain.model.tokens import AccessTokenClaims, FamilyMark, IssuedToken
from domain.model.values import value
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.usecases.authenticate_client import AuthenticateClient
from domain.usecases.cover_lifetime import CoverLifetime
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.mint_access_token import MintAccessToken
from domain.usecases.note_use import NoteUse
from domain.usecases.settle_token import SettleToken, require_permission
from domain.usecases.token_policy import Ceiling, PolicyInForce, TokenPolicy


@value(kw_only=True)
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


@value(kw_only=True)
class Decision:
    """What is going to be granted, to whom, when."""

    client: Client
    catalogue: Catalogue
    policy: TokenPolicy
    scope: Scope
    audience: tuple[ResourceId, ...]
    now: datetime
    origin: Origin


@value(kw_only=True)
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


NO_PROCEEDS: Final = Proceeds()


class PendingGrant(Protocol):
    """A grant at work on one request."""

    async def ceiling(
        self, client: Client, catalogue: Catalogue, policy: TokenPolicy, /
    ) -> Ceiling | None:
        """Tell the most that this request can be given, if not what the client has of its own.

        It changes nothing.
        """
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
        cover_lifetime: CoverLifetime,
        mint: MintAccessToken,
        note_use: NoteUse,
        audit: AuditTrail,
        clock: Clock,
        allow_public_client_credentials: bool = False,
    ) -> None:
        self._grants: dict[str, Grant] = {grant.grant_type: grant for grant in grants}
        self._authenticate = authenticate
        self._catalogue = catalogue
        self._policy = PolicyInForce(policy)
        self._settle = SettleToken()
        self._cover_lifetime = cover_lifetime
        self._mint = mint
        self._note_use = note_use
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
        authentication = self._authenticate.begin(request.credentials, request.origin, now=now)
        version = self._catalogue.version()
        pending = grant.begin(request, now=now) if grant is not None else None
        catalogue = await self._catalogue.at(await version)

        # 1. Who is calling.
        client = await self._authenticate.prove(authentication, catalogue.keyring)

        # 2. Is the grant known.
        if not request.grant_type:
            raise InvalidRequest("no grant_type", hint="grant_type is missing")
        if grant is None or pending is None:
            raise UnsupportedGrantType("not switched on", hint=request.grant_type)

        # 3. May this client use it.
        require_permission(
            client,
            grant.grant_type,
            allow_public_client_credentials=self._allow_public_client_credentials,
        )

        # 4. Scope and audience.
        policy = self._policy.under(catalogue.policy)
        ceiling = await pending.ceiling(client, catalogue, policy)
        settled = self._settle(
            client,
            ceiling,
            scope=request.scope,
            resources=request.resources,
            grant_type=grant.grant_type,
            policy=policy,
            catalogue=catalogue,
            now=now,
        )
        decision = Decision(
            client=client,
            catalogue=catalogue,
            policy=policy,
            scope=settled.scope,
            audience=settled.audience.value,
            now=now,
            origin=request.origin,
        )

        # 5. The grant's own part.
        await self._audit.require()
        terms = await self._cover_lifetime(settled.terms, catalogue.keyring)
        proceeds = await pending.carry_out(decision)

        # 6. Mint.
        minted = await self._mint(
            client,
            terms,
            scope=settled.scope,
            audience=settled.audience.value,
            now=now,
            family=proceeds.family,
            not_after=proceeds.family_expires_at,
        )

        # 7. Audit.
        await self._audit.record(_issued(request, grant.issues, minted.claims, now))
        self._note_use.issued(client, grant.grant_type, settled.scope, request.origin, now=now)
        return IssuedToken(
            access_token=minted.text,
            expires_in=minted.claims.expires_at - minted.claims.issued_at,
            scope=settled.scope,
            refresh_token=proceeds.refresh_token,
        )


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
        reason=reason_of(refusal),
    )
