"""Refresh tokens are derived, not stored (D3).

A refresh token names a key, a family and a generation, and proves with a MAC
that grantd wrote it. A family is one small record per original grant; it
holds no token material. Any older generation is a replay, at constant size.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from domain.model.identifiers import ClientId, Epoch, FamilyId, ResourceId
from domain.model.keys import KeyId, SymmetricKey, by_id
from domain.model.scopes import Scope
from domain.model.values import value

Generation = NewType("Generation", int)
AttemptId = NewType("AttemptId", str)

FIRST_GENERATION = Generation(1)

_PREFIX = "gdr_"
_REFRESH_TOKEN = re.compile(
    rf"{_PREFIX}(?P<key_id>[A-Za-z0-9_-]{{1,64}})\.(?P<family_id>[0-9a-f]{{3}}[A-Za-z0-9_-]{{22}})"
    r"\.(?P<generation>[1-9][0-9]{0,14})\.(?P<mac>[A-Za-z0-9_-]{43})"
)
_MAC_CONTEXT = b"grantd refresh token v1\0"


@value(kw_only=True)
class RefreshFamily:
    """What descends from one original grant.

    Attributes:
        epoch: The client's at the time of the grant; a different one now has
            ended the family (D11).

        scope: What the resource owner granted. Narrowed requests leave it.

        generation: The only live generation.

        least_access_generation: Access tokens of earlier generations are
            inactive (`revoke_access_token_on_refresh`).

        expires_at: Sliding; never later than *must_end_by*.

        ended: Nothing issued from the family is good any more.
    """

    family_id: FamilyId
    owner: ClientId
    epoch: Epoch
    scope: Scope
    audience: tuple[ResourceId, ...]
    created_at: datetime
    expires_at: datetime
    must_end_by: datetime | None = None
    generation: Generation = FIRST_GENERATION
    least_access_generation: Generation = FIRST_GENERATION
    ended: bool = False


@value
class RefreshToken:
    """A refresh token taken apart. Nothing about it is proved yet."""

    key_id: KeyId
    family_id: FamilyId
    generation: Generation
    mac: str

    def __repr__(self) -> str:
        return f"RefreshToken({self.family_id!r}, {self.generation!r}, …)"

    @classmethod
    def parse(cls, text: str) -> "RefreshToken | None":
        """Take *text* apart, or return None if it is not one of ours."""
        parts = _REFRESH_TOKEN.fullmatch(text)
        if parts is None:
            return None
        return cls(
            key_id=KeyId(parts["key_id"]),
            family_id=FamilyId(parts["family_id"]),
            generation=Generation(int(parts["generation"])),
            mac=parts["mac"],
        )

    def is_authentic(self, keys: Iterable[SymmetricKey]) -> bool:
        """Tell whether the MAC is that of a key of ours. It says nothing of the family."""
        key = by_id(keys, self.key_id)
        if key is None:
            return False
        return hmac.compare_digest(self.mac, _mac(self.family_id, self.generation, key))


def derive_refresh_token(family_id: FamilyId, generation: Generation, key: SymmetricKey) -> str:
    """Write the refresh token of a generation: the same arguments, the same token."""
    mac = _mac(family_id, generation, key)
    return f"{_PREFIX}{key.key_id}.{family_id}.{generation}.{mac}"


def _mac(family_id: FamilyId, generation: Generation, key: SymmetricKey) -> str:
    message = _MAC_CONTEXT + f"{key.key_id}.{family_id}.{generation}".encode()
    digest = hmac.digest(key.material, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@value
class Rotated:
    """The presented generation was live; its successor is now.

    Attributes:
        expires_at: When the family ends unless it is rotated again.
    """

    successor: Generation
    expires_at: datetime


@value
class WithinGrace:
    """The presented generation was rotated a moment ago and its successor is unused.

    The client lost the reply and gets the same successor again.

    Attributes:
        expires_at: When the family ends, as the rotation left it.
    """

    successor: Generation
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """An older generation came back."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A generation the store has never recorded: the store lost writes."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """The family is another client's."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The family was ended before."""


@dataclass(frozen=True, slots=True)
class Absent:
    """No such family: it expired, or never was."""


Rotation = Rotated | WithinGrace | Replayed | Ahead | Foreign | Ended | Absent
