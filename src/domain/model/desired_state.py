"""What an operator wants the server to know: resources, scopes, clients, policy.

A kind that is left out is left alone; one that is there is there whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.model.catalogue import Catalogue
from domain.model.clients import Client
from domain.model.credentials import ClientSecret
from domain.model.identifiers import ClientId
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition

FieldPath = tuple[str | int, ...]
"""Where something stands in a desired state: `("clients", 3, "scope")`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredClient:
    """A client as it is to be.

    Attributes:
        draft: What it is to be. Its epoch, creation time, version and secrets
            are the store's and mean nothing here.

        secret: One made elsewhere that it is to have, if there is one.
    """

    draft: Client
    secret: ClientSecret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    resources: tuple[Resource, ...] | None = None
    scopes: tuple[ScopeDefinition, ...] | None = None
    clients: tuple[DesiredClient, ...] | None = None
    policy: DeclaredPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentState:
    """What the server knows, as it was read."""

    catalogue: Catalogue
    clients: Mapping[ClientId, Client]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a desired state cannot be had: where in it, and one sentence without secrets.

    Attributes:
        value: Which of several values of that field it is about.
    """

    path: FieldPath
    sentence: str
    value: str = ""
