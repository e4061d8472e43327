"""Token policy: for which audience, in which form and for how long a token is good.

Pure functions of the settings, the client and the catalogue; nothing here
reads, waits or issues.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Internal, InvalidScope, InvalidTarget
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm, SigningKey
from domain.model.lifetimes import (
    DEFAULT_ACCESS_TOKEN_TTL,
    DEFAULT_REFRESH_TOKEN_TTL,
    Lifetimes,
    shortest,
)
from domain.model.resources import Resource, parse_resource_id
from domain.model.scopes import Scope, require_within
from domain.model.tokens import TokenFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most that a grant can give.

    Attributes:
        scope: What may be asked for.

        default_scope: What an omitted scope means; within *scope*.

        audience: Settled by an earlier grant, or None if it is open.
    """

    scope: Scope
    default_scope: Scope
    audience: tuple[ResourceId, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an access token will be like.

    Attributes:
        signing_key: None for an opaque token.
    """

    token_format: TokenFormat
    signing_key: SigningKey | None
    ttl: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """The server's settings that decide about tokens.

    Attributes:
        require_scope: Whether a token without any scope is refused.

        revoke_access_token_on_refresh: Whether a refresh ends the access
            tokens that came before it.

        grant_types: Those the settings switch on.
    """

    issuer: str
    lifetimes: Lifetimes = Lifetimes()
    token_format: TokenFormat = TokenFormat.JWT
    signing_algorithm: SigningAlgorithm = SigningAlgorithm.ES256
    require_scope: bool = False
    revoke_access_token_on_refresh: bool = False
    max_families_per_client: int = 1_000
    grant_types: frozenset[GrantType] = frozenset(GrantType)

    def require_resources(
        self, requested: Sequence[str], ceiling: Ceiling, client: Client, catalogue: Catalogue
    ) -> tuple[ResourceId, ...]:
        """Return the resources asked for, all known and all allowed (RFC 8707 §2).

        Raises:
            InvalidTarget: If one is malformed, unknown or not allowed.
        """
        if not requested:
            return ()
        resources = tuple(dict.fromkeys(parse_resource_id(text) for text in requested))
        allowed = (
            self.allowed_resources(client, catalogue)
            if ceiling.audience is None
            else frozenset(ceiling.audience)
        )
        for resource in resources:
            if resource not in allowed:
                raise InvalidTarget("unknown or not allowed", hint=resource)
        return resources

    def allowed_resources(self, client: Client, catalogue: Catalogue) -> frozenset[ResourceId]:
        """Return what a client may ask for: known, and its own in one way or another.

        These are its audiences, its default audience, what owns a scope of
        its own, and this server itself.
        """
        issuer = ResourceId(self.issuer)
        own = (
            client.audiences
            | catalogue.owners(client.scope)
            | {client.default_audience or issuer, issuer}
        )
        return frozenset(name for name in own if name in catalogue.resources or name == issuer)

    def settle_scope(
        self,
        requested: Sequence[str] | None,
        resources: Sequence[ResourceId],
        ceiling: Ceiling,
        catalogue: Catalogue,
    ) -> Scope:
        """Settle the scope of a token (RFC 6749 §3.3).

        An omitted scope means what of the default fits the resources asked
        for. A scope that is named is granted whole or refused whole.

        Raises:
            InvalidScope: If it is malformed, beyond the ceiling, of another
                resource than those asked for, or none where one is required.
        """
        if requested is None:
            scope = _fitting(ceiling.default_scope, resources, catalogue)
        else:
            scope = require_within(ceiling.scope, Scope.of(requested))
            if stray := scope - _fitting(scope, resources, catalogue):
                raise InvalidScope(
                    "scope of another resource", hint=f"not of that resource: {stray.in_a_hint}"
                )
        if self.require_scope and not scope:
            raise InvalidScope("no scope", hint="a scope has to be named")
        return scope

    def settle_audience(
        self,
        resources: Sequence[ResourceId],
        scope: Scope,
        ceiling: Ceiling,
        client: Client,
        catalogue: Catalogue,
    ) -> tuple[ResourceId, ...]:
        """Settle for whom a token is meant (RFC 8707 §2.2, RFC 9068 §3).

        Raises:
            InvalidScope: If no resource is named and scopes of several are.
        """
        if resources:
            return tuple(resources)
        if ceiling.audience is not None:
            return ceiling.audience
        owners = catalogue.owners(scope)
        if len(owners) > 1:
            raise InvalidScope(
                "scopes of several resources",
                hint="these scopes belong to several resources; name a resource",
            )
        if owners:
            return tuple(owners)
        return (client.default_audience or ResourceId(self.issuer),)

    def terms(
        self,
        client: Client,
        grant_type: GrantType,
        audience: Sequence[ResourceId],
        catalogue: Catalogue,
        *,
        now: datetime,
    ) -> Terms:
        """Settle form, key and lifetime.

        The resource decides, else the client, else the server; the shortest
        configured lifetime wins.

        Raises:
            InvalidTarget: If the resources of one token want different things.
            Internal: If no key of the algorithm wanted is active.
        """
        meant_for = [catalogue.resources[name] for name in audience if name in catalogue.resources]
        ttl = shortest(
            *(resource.access_token_ttl for resource in meant_for),
            client.access_token_ttl,
            self.lifetimes.by_grant.get(grant_type),
            self.lifetimes.access_token_ttl,
            default=DEFAULT_ACCESS_TOKEN_TTL,
        )
        token_format = _wanted_format(meant_for) or client.token_format or self.token_format
        if token_format is TokenFormat.OPAQUE:
            return Terms(token_format=token_format, signing_key=None, ttl=ttl)
        algorithm = (
            _wanted_algorithm(meant_for) or client.signing_algorithm or self.signing_algorithm
        )
        key = catalogue.keyring.signer(algorithm, now=now)
        if key is None:
            raise Internal(f"no active key for {algorithm}")
        return Terms(token_format=token_format, signing_key=key, ttl=ttl)

    def refresh_expiry(
        self, client: Client, *, must_end_by: datetime | None, now: datetime
    ) -> datetime:
        """Return when a family ends unless it is rotated before."""
        ttl = shortest(
            client.refresh_token_ttl,
            self.lifetimes.refresh_token_ttl,
            default=DEFAULT_REFRESH_TOKEN_TTL,
        )
        return now + ttl if must_end_by is None else min(now + ttl, must_end_by)

    def refresh_must_end_by(self, client: Client, *, now: datetime) -> datetime | None:
        """Return the absolute end of a family that begins now, if there is one."""
        caps = (client.refresh_token_max_age, self.lifetimes.refresh_token_max_age)
        configured = [cap for cap in caps if cap is not None]
        return now + min(configured) if configured else None

    def gives_refresh_token(self, client: Client) -> bool:
        """Tell whether *client* gets one with client credentials, and could use it."""
        return client.issue_refresh_token and GrantType.REFRESH_TOKEN in self.grant_types

    def refresh_grace(self, client: Client) -> timedelta:
        if client.refresh_grace is not None:
            return client.refresh_grace
        return self.lifetimes.refresh_grace


def _fitting(scope: Scope, resources: Sequence[ResourceId], catalogue: Catalogue) -> Scope:
    """Return what of *scope* means something to *resources*, all of it if none is named."""
    if not resources:
        return scope
    owners = ((token, catalogue.scopes[token].resource) for token in scope)
    return Scope(tuple(token for token, owner in owners if owner is None or owner in resources))


def _wanted_format(resources: Sequence[Resource]) -> TokenFormat | None:
    wanted = {one.token_format for one in resources if one.token_format is not None}
    if len(wanted) > 1:
        raise InvalidTarget("different formats", hint="the resources differ in token format")
    return wanted.pop() if wanted else None


def _wanted_algorithm(resources: Sequence[Resource]) -> SigningAlgorithm | None:
    wanted = {one.signing_algorithm for one in resources if one.signing_algorithm is not None}
    if len(wanted) > 1:
        raise InvalidTarget("different algorithms", hint="the resources differ in algorithm")
    return wanted.pop() if wanted else None
