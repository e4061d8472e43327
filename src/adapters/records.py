"""How values of the core are written as bytes, for every store alike.

JSON, with unknown members ignored and new ones defaulted, so that two
releases of grantd can share one store. Parsed values are remembered by their
bytes, which is safe because they are immutable and depend on nothing else.
"""

from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from domain.model.clients import Client
from domain.model.families import RefreshFamily
from domain.model.keys import SealedKey
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition
from domain.model.tokens import AccessTokenClaims

T = TypeVar("T")

_REMEMBERED = 4_096


class Record(Generic[T]):
    """The written form of one kind of value."""

    def __init__(self, kind: type[T]) -> None:
        self._encode = msgspec.json.Encoder(order="deterministic").encode
        self.read = lru_cache(maxsize=_REMEMBERED)(msgspec.json.Decoder(kind).decode)

    def write(self, value: T) -> bytes:
        return self._encode(value)


CLIENT = Record(Client)
FAMILY = Record(RefreshFamily)
CLAIMS = Record(AccessTokenClaims)
KEY = Record(SealedKey)
SCOPE = Record(ScopeDefinition)
RESOURCE = Record(Resource)
POLICY = Record(DeclaredPolicy)
