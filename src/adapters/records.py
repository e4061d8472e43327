"""How values of the core are written as bytes, for every store alike.

JSON, with unknown members ignored and new ones defaulted, so that two
releases of grantd can share one store.
"""

from collections import OrderedDict
from collections.abc import Callable
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
        self.read = msgspec.json.Decoder(kind).decode

    def write(self, value: T) -> bytes:
        return self._encode(value)


class Remembered(Generic[T]):
    """Reads what a store holds under a name, and remembers what it made of the bytes.

    That is safe, because it is immutable and depends on nothing but them. They
    are compared, not hashed, which takes longer than all the rest.

    Args:
        read: Makes a value of bytes.
    """

    def __init__(self, read: Callable[[bytes], T]) -> None:
        self._read = read
        self._kept: OrderedDict[str, tuple[bytes, T]] = OrderedDict()

    def __call__(self, stored: bytes | None, name: str) -> T | None:
        if stored is None:
            return None
        kept = self._kept.get(name)
        if kept is not None and kept[0] == stored:
            return kept[1]
        value = self._read(stored)
        if kept is None and len(self._kept) >= _REMEMBERED:
            self._kept.popitem(last=False)
        self._kept[name] = (stored, value)
        return value


CLIENT = Record(Client)
FAMILY = Record(RefreshFamily)
CLAIMS = Record(AccessTokenClaims)
KEY = Record(SealedKey)
SCOPE = Record(ScopeDefinition)
RESOURCE = Record(Resource)
POLICY = Record(DeclaredPolicy)
