"""What a client would get for a token request, and by which rule. Nothing is issued or written.

The decisions are those of issuing, made by the same functions; what is here
besides only puts names to them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from domain.errors import (
    ClientNotFound,
    GrantdError,
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    UnsupportedGrantType,
)
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.identifiers import ClientId, Owner, ResourceId
from domain.model.keys import KeyId, SigningAlgorithm
from domain.model.resources import Resource
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.settle_token import (
    SettledToken,
    ceiling_of,
    require_permission,
    settle_token,
)
from domain.usecases.token_policy import Ceiling, Settled, Source, TokenPolicy

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A token request as its client would send it.

    Attributes:
        scope: The tokens as the request delimits them; None if it names none.
    """

    client_id: ClientId
    grant_type: str = GrantType.CLIENT_CREDENTIALS
    scope: tuple[str, ...] | None = None
    resources: tuple[str, ...] = ()


class ScopeRule(StrEnum):
    """What decides about a single scope token."""

    REGISTERED = "registered"
    DEFAULT = "default"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    DISABLED = "disabled"
    RESOURCE_DISABLED = "resource_disabled"
    NOT_REGISTERED = "not_registered"
    OTHER_RESOURCE = "other_resource"

    @property
    def grants(self) -> bool:
        return self in {ScopeRule.REGISTERED, ScopeRule.DEFAULT}


class RefreshRule(StrEnum):
    """What decides about a refresh token."""

    REGISTERED = "registered"
    NOT_REGISTERED = "not_registered"
    SWITCHED_OFF = "switched_off"


@dataclass(frozen=True, slots=True)
class ScopeVerdict:
    token: str
    rule: ScopeRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What would be issued.

    Attributes:
        signing_algorithm: None, like *key_id*, for an opaque token.
    """

    scope: Scope
    subject: ClientId | Owner
    audience: Settled[tuple[ResourceId, ...]]
    lifetime: Settled[timedelta]
    token_format: Settled[TokenFormat]
    signing_algorithm: Settled[SigningAlgorithm] | None
    key_id: KeyId | None
    refresh_token: RefreshRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer: an offer or a refusal, and what was decided about each scope token.

    Attributes:
        scopes: Those asked for, or those of the client's default scope.
    """

    scopes: tuple[ScopeVerdict, ...] = ()
    offer: Offer | None = None
    refusal: GrantdError | None = None


class ExplainToken:
    def __init__(
        self,
        clients: ClientStore,
        *,
        catalogue: CurrentCatalogue,
        policy: TokenPolicy,
        clock: Clock,
        allow_public_client_credentials: bool = False,
    ) -> None:
        self._clients = clients
        self._catalogue = catalogue
        self._policy = policy
        self._clock = clock
        self._allow_public_client_credentials = allow_public_client_credentials

    async def __call__(self, question: Question) -> Explanation:
        """Explain what *question* would come to if its client proved itself now.

        Raises:
            ClientNotFound: If there is no such client.
            Unavailable: If the store cannot say.
        """
        client = await self._clients.find(question.client_id)
        if client is None:
            raise ClientNotFound(question.client_id, hint=question.client_id)
        catalogue = await self._catalogue.read()
        judgement = _Judgement(
            client=client,
            catalogue=catalogue,
            policy=self._policy.under(catalogue.policy),
            ceiling=ceiling_of(client, catalogue),
            question=question,
            now=self._clock.now(),
        )
        scopes = tuple(judgement.scopes())
        try:
            self._require_admission(client, question.grant_type)
            return Explanation(scopes=scopes, offer=judgement.offer())
        except GrantdError as refusal:
            return Explanation(scopes=scopes, refusal=refusal)

    def _require_admission(self, client: Client, grant_type: str) -> None:
        if client.disabled:
            raise InvalidClient("the client is disabled", hint="the client is disabled")
        if grant_type not in self._policy.grant_types:
            raise UnsupportedGrantType("not switched on", hint=grant_type)
        require_permission(
            client,
            GrantType(grant_type),
            allow_public_client_credentials=self._allow_public_client_credentials,
        )
        if grant_type != GrantType.CLIENT_CREDENTIALS:
            raise InvalidRequest(
                "no refresh_token", hint="what a refresh gives depends on the refresh token"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """A question and all that decides about it."""

    client: Client
    catalogue: Catalogue
    policy: TokenPolicy
    ceiling: Ceiling
    question: Question
    now: datetime

    def scopes(self) -> Iterator[ScopeVerdict]:
        resources = self._resources()
        if self.question.scope is None:
            fitting = replace(self.policy, require_scope=False).settle_scope(
                None, resources, self.ceiling, self.catalogue
            )
            for token in self.client.default_scope:
                rule = ScopeRule.DEFAULT if token in fitting else self._why_not(token)
                yield ScopeVerdict(token, rule)
            return
        for text in dict.fromkeys(self.question.scope):
            try:
                self.policy.settle_scope((text,), resources, self.ceiling, self.catalogue)
            except InvalidScope:
                yield ScopeVerdict(text, self._why_not(text))
            else:
                yield ScopeVerdict(text, ScopeRule.REGISTERED)

    def offer(self) -> Offer:
        client, policy, catalogue, now = self.client, self.policy, self.catalogue, self.now
        settled = settle_token(
            client,
            self.ceiling,
            scope=self.question.scope,
            resources=self.question.resources,
            grant_type=GrantType.CLIENT_CREDENTIALS,
            policy=policy,
            catalogue=catalogue,
            now=now,
        )
        meant_for = catalogue.resources_of(settled.audience.value)
        key, declared = settled.terms.signing_key, catalogue.policy
        return Offer(
            scope=settled.scope,
            subject=client.token_subject,
            audience=settled.audience,
            lifetime=self._lifetime(settled),
            token_format=_told(policy.settle_format(client, meant_for), declared.token_format),
            signing_algorithm=_told(
                policy.settle_algorithm(client, meant_for), declared.signing_algorithm
            )
            if key is not None
            else None,
            key_id=key.key_id if key is not None else None,
            refresh_token=self._refresh_token(),
        )

    def _resources(self) -> tuple[ResourceId, ...]:
        """Return the resources asked for; none if they are refused, which the offer will tell."""
        try:
            return self.policy.require_resources(
                self.question.resources, self.ceiling, self.client, self.catalogue
            )
        except InvalidTarget:
            return ()

    def _why_not(self, text: str) -> ScopeRule:
        try:
            [token] = Scope.of((text,))
        except InvalidScope:
            return ScopeRule.MALFORMED
        known = self.catalogue.scopes.get(token)
        if known is None:
            return ScopeRule.UNKNOWN
        if known.disabled:
            return ScopeRule.DISABLED
        if known.resource is not None and self.catalogue.is_disabled(known.resource):
            return ScopeRule.RESOURCE_DISABLED
        if token not in self.client.scope:
            return ScopeRule.NOT_REGISTERED
        return ScopeRule.OTHER_RESOURCE

    def _lifetime(self, settled: SettledToken) -> Settled[timedelta]:
        terms, now = settled.terms, self.now
        begins, ends = terms.period(now=now, not_after=self._family_ends())
        if ends == replace(terms, signing_key=None).period(now=now, not_after=None)[1]:
            meant_for = self.catalogue.resources_of(settled.audience.value)
            return Settled(ends - begins, self._source_of_lifetime(meant_for))
        if ends == terms.period(now=now, not_after=None)[1]:
            return Settled(ends - begins, Source.SIGNING_KEY)
        return Settled(ends - begins, Source.REFRESH_TOKEN)

    def _source_of_lifetime(self, meant_for: Sequence[Resource]) -> Source:
        declared, grant_type = self.catalogue.policy, GrantType.CLIENT_CREDENTIALS
        settled = self.policy.settle_lifetime(self.client, grant_type, meant_for)
        if settled.by is Source.GRANT and grant_type in declared.grant_access_token_ttl:
            return Source.DECLARED
        return _told(settled, declared.access_token_ttl).by

    def _family_ends(self) -> datetime | None:
        if not self.policy.gives_refresh_token(self.client):
            return None
        must_end_by = self.policy.refresh_must_end_by(self.client, now=self.now)
        return self.policy.refresh_expiry(self.client, must_end_by=must_end_by, now=self.now)

    def _refresh_token(self) -> RefreshRule:
        if self.policy.gives_refresh_token(self.client):
            return RefreshRule.REGISTERED
        if self.client.issue_refresh_token:
            return RefreshRule.SWITCHED_OFF
        return RefreshRule.NOT_REGISTERED


def _told(settled: Settled[V], declared: V | None) -> Settled[V]:
    """Say of what the server settles whether it was declared or set."""
    if settled.by is Source.SERVER and declared is not None:
        return Settled(settled.value, Source.DECLARED)
    return settled
