"""Token policy: for which audience, in which form and for how long a token is good.

Pure functions of the settings, the client and the catalogue; nothing here
reads, waits or issues.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Generic, TypeVar

from domain.errors import InvalidScope, InvalidTarget
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
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource, parse_resource_id
from domain.model.scopes import Scope, require_within
from domain.model.tokens import SHORTEST_LIFETIME, TokenFormat
from domain.model.values import value

T = TypeVar("T", "TokenPolicy", Lifetimes)
V = TypeVar("V")

_MICROSECOND: Final = timedelta(microseconds=1)


@value(kw_only=True)
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


@value(kw_only=True)
class Terms:
    """What an access token will be like.

    Attributes:
        signing_key: None for an opaque token.
    """

    token_format: TokenFormat
    signing_key: SigningKey | None
    ttl: timedelta

    def period(self, *, now: datetime, not_after: datetime | None) -> tuple[datetime, datetime]:
        """Return from when to when a token made now is good, in whole seconds.

        It outlives neither *not_after* nor the key that signs it (D6), but
        for the second that every token has.
        """
        begins = _whole_seconds(now)
        ends = begins + self.ttl
        if not_after is not None and not_after < ends:
            ends = not_after
        removal = self.signing_key.schedule.remove_at if self.signing_key is not None else None
        if removal is not None and removal < ends:
            ends = removal
        if ends.microsecond:
            ends = _whole_seconds(ends)
        return begins, ends if ends > begins else begins + SHORTEST_LIFETIME


def _whole_seconds(moment: datetime) -> datetime:
    return moment - moment.microsecond * _MICROSECOND  # a third of what `replace` takes


class Source(StrEnum):
    """What settled something about a token."""

    REQUEST = "request"
    SCOPE = "scope"
    RESOURCE = "resource"
    CLIENT = "client"
    GRANT = "grant"
    SERVER = "server"
    DECLARED = "declared"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  (its lifetime, which the token's may not pass)
    SIGNING_KEY = "signing_key"


@value
class Settled(Generic[V]):
    """A decision, and what made it."""

    value: V
    by: Source


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

    def under(self, declared: DeclaredPolicy) -> "TokenPolicy":
        """Return the policy in force: what is declared stands over what was set."""
        lifetimes = _overruled(self.lifetimes, declared)
        if declared.grant_access_token_ttl:
            by_grant = {**lifetimes.by_grant, **declared.grant_access_token_ttl}
            lifetimes = replace(lifetimes, by_grant=by_grant)
        policy = _overruled(self, declared)
        return policy if lifetimes is self.lifetimes else replace(policy, lifetimes=lifetimes)

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
        """Return what a client may ask for: in use, and its own in one way or another.

        These are its audiences, its default audience, what owns a scope of
        its own, and this server itself.
        """
        issuer = ResourceId(self.issuer)
        own = (
            client.audiences
            | catalogue.owners(client.scope)
            | {client.default_audience or issuer, issuer}
        )
        return frozenset(name for name in own if self._is_target(name, catalogue))

    def _is_target(self, resource: ResourceId, catalogue: Catalogue) -> bool:
        if catalogue.is_disabled(resource):
            return False
        return resource in catalogue.resources or resource == self.issuer

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
            if resources and (stray := scope - _fitting(scope, resources, catalogue)):
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
    ) -> Settled[tuple[ResourceId, ...]]:
        """Settle for whom a token is meant (RFC 8707 §2.2, RFC 9068 §3).

        Raises:
            InvalidScope: If no resource is named and scopes of several are.
            InvalidTarget: If only the client's default audience is left, and
                that is not in use any more.
        """
        if resources:
            return Settled(tuple(resources), Source.REQUEST)
        if ceiling.audience is not None:
            return Settled(ceiling.audience, Source.GRANT)
        owners = catalogue.owners(scope)
        if len(owners) > 1:
            raise InvalidScope(
                "scopes of several resources",
                hint="these scopes belong to several resources; name a resource",
            )
        if owners:
            return Settled(tuple(owners), Source.SCOPE)
        default = client.default_audience or ResourceId(self.issuer)
        if not self._is_target(default, catalogue):
            raise InvalidTarget("the default audience is not in use", hint=default)
        return Settled((default,), Source.CLIENT if client.default_audience else Source.SERVER)

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
            Unavailable: If no key of the algorithm wanted is active.
        """
        meant_for = catalogue.resources_of(audience)
        ttl = self.settle_lifetime(client, grant_type, meant_for).value
        token_format = self.settle_format(client, meant_for).value
        if token_format is TokenFormat.OPAQUE:
            return Terms(token_format=token_format, signing_key=None, ttl=ttl)
        algorithm = self.settle_algorithm(client, meant_for).value
        key = catalogue.keyring.signing_by(algorithm, now=now)
        return Terms(token_format=token_format, signing_key=key, ttl=ttl)

    def settle_lifetime(
        self, client: Client, grant_type: GrantType, meant_for: Iterable[Resource]
    ) -> Settled[timedelta]:
        configured = (
            *[(resource.access_token_ttl, Source.RESOURCE) for resource in meant_for],
            (client.access_token_ttl, Source.CLIENT),
            (self.lifetimes.by_grant.get(grant_type), Source.GRANT),
            (self.lifetimes.access_token_ttl, Source.SERVER),
        )
        shortest: Settled[timedelta] | None = None
        for ttl, source in configured:
            if ttl is not None and (shortest is None or ttl < shortest.value):
                shortest = Settled(ttl, source)
        return shortest or Settled(DEFAULT_ACCESS_TOKEN_TTL, Source.SERVER)

    def settle_format(self, client: Client, meant_for: Sequence[Resource]) -> Settled[TokenFormat]:
        return _settled(_wanted_format(meant_for), client.token_format, self.token_format)

    def settle_algorithm(
        self, client: Client, meant_for: Sequence[Resource]
    ) -> Settled[SigningAlgorithm]:
        return _settled(
            _wanted_algorithm(meant_for), client.signing_algorithm, self.signing_algorithm
        )

    def longest_lifetime(
        self, catalogue: Catalogue, of_clients: Iterable[timedelta | None]
    ) -> timedelta:
        """Return what no access token lives longer than, given what all clients are set to."""
        lifetimes = self.lifetimes
        if lifetimes.access_token_ttl is not None:
            return lifetimes.access_token_ttl
        configured = (
            *lifetimes.by_grant.values(),
            *(resource.access_token_ttl for resource in catalogue.resources.values()),
            *of_clients,
        )
        return max([DEFAULT_ACCESS_TOKEN_TTL, *(ttl for ttl in configured if ttl is not None)])

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


class PolicyInForce:
    """A server's policy under what is declared, worked out once for each declaration.

    Declarations are told apart by identity: one comes with every copy of the
    catalogue, which serves many requests.
    """

    def __init__(self, policy: TokenPolicy) -> None:
        self._policy = policy
        self._declared: DeclaredPolicy | None = None
        self._in_force = policy

    def under(self, declared: DeclaredPolicy) -> TokenPolicy:
        if declared is not self._declared:
            self._in_force = self._policy.under(declared)
            self._declared = declared
        return self._in_force


def _overruled(own: T, declared: DeclaredPolicy) -> T:
    """Return *own*, the very same if nothing of it is declared."""
    named = {one.name for one in fields(own)} & {one.name for one in fields(declared)}
    overruling = {name: value for name in named if (value := getattr(declared, name)) is not None}
    return replace(own, **overruling) if overruling else own


def _settled(by_resource: V | None, by_client: V | None, by_server: V) -> Settled[V]:
    if by_resource is not None:
        return Settled(by_resource, Source.RESOURCE)
    if by_client is not None:
        return Settled(by_client, Source.CLIENT)
    return Settled(by_server, Source.SERVER)


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
