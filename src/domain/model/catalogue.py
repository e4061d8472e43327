"""The catalogue: what the server knows besides its clients, under one version.

It changes seldom and is read always, so each worker keeps the copy it read
last and asks the store for the version alone (D2).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NewType

from domain.model.identifiers import ResourceId
from domain.model.keys import Keyring, SealedKey
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The catalogue as use cases read it."""

    version: CatalogueVersion
    scopes: Mapping[ScopeToken, ScopeDefinition]
    resources: Mapping[ResourceId, Resource]
    keyring: Keyring

    def known(self, scope: Scope) -> Scope:
        """Return what of *scope* this server still knows."""
        return Scope(tuple(token for token in scope if token in self.scopes))

    def owners(self, scope: Iterable[ScopeToken]) -> frozenset[ResourceId]:
        """Return the resources that own tokens of *scope*."""
        definitions = (self.scopes[token] for token in scope if token in self.scopes)
        return frozenset(known.resource for known in definitions if known.resource is not None)
