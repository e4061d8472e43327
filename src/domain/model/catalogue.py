"""The catalogue: what the server knows besides its clients, under one version.

It changes seldom and is read always, so each worker keeps the copy it read
last and asks the store for the version alone (D2).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NewType

from domain.model.administration import RESERVED
from domain.model.identifiers import ResourceId
from domain.model.keys import Keyring, SealedKey
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken

CatalogueVersion = NewType("CatalogueVersion", int)

EMPTY = CatalogueVersion(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCatalogue:
    """The catalogue as a store keeps it, its keys sealed."""

    version: CatalogueVersion
    scopes: tuple[ScopeDefinition, ...] = ()
    resources: tuple[Resource, ...] = ()
    keys: tuple[SealedKey, ...] = ()
    policy: DeclaredPolicy = DeclaredPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The catalogue as use cases read it.

    Attributes:
        scopes: What is stored, and what is built in (`administration`).
    """

    version: CatalogueVersion
    scopes: Mapping[ScopeToken, ScopeDefinition]
    resources: Mapping[ResourceId, Resource]
    keyring: Keyring
    policy: DeclaredPolicy = DeclaredPolicy()
    _in_use: frozenset[ScopeToken] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        in_use = frozenset(token for token in self.scopes if self._is_in_use(token))
        object.__setattr__(self, "_in_use", in_use)

    def known(self, scope: Scope) -> Scope:
        """Return what of *scope* may be issued: known and not disabled, nor its resource."""
        if self._in_use.issuperset(scope.values):
            return scope
        return Scope(tuple(token for token in scope.values if token in self._in_use))

    @property
    def offered(self) -> Scope:
        """What anybody may know of: all that may be issued but the reserved scopes."""
        return self.known(Scope(tuple(sorted(self.scopes)))) - RESERVED

    def resources_of(self, audience: Iterable[ResourceId]) -> tuple[Resource, ...]:
        """Return what is known of an audience; this server itself may be in it unknown."""
        return tuple([self.resources[name] for name in audience if name in self.resources])

    def is_disabled(self, resource: ResourceId) -> bool:
        known = self.resources.get(resource)
        return known is not None and known.disabled

    def _is_in_use(self, token: ScopeToken) -> bool:
        known = self.scopes[token]
        return not (
            known.disabled or (known.resource is not None and self.is_disabled(known.resource))
        )

    def owners(self, scope: Iterable[ScopeToken]) -> frozenset[ResourceId]:
        """Return the resources that own tokens of *scope*."""
        definitions = [self.scopes[token] for token in scope if token in self.scopes]
        return frozenset([known.resource for known in definitions if known.resource is not None])
