"""Identifiers that several parts of the core speak of.

Every identifier made for a client begins with its client's bucket, so that
a partitioned store finds what it names without knowing the client (D7).
"""

import hashlib
import re
from functools import lru_cache
from typing import Final, NewType

ClientId = NewType("ClientId", str)
Owner = NewType("Owner", str)
ResourceId = NewType("ResourceId", str)
TokenId = NewType("TokenId", str)
FamilyId = NewType("FamilyId", str)
Epoch = NewType("Epoch", str)
Bucket = NewType("Bucket", str)

LONGEST_ID: Final = 255
"""How long the id of a client, or the name of an owner, can be."""

_REMEMBERED = 4_096
_BUCKET_BITS = 10
_BUCKET_LENGTH = 3
_MADE_FOR_A_CLIENT = re.compile(r"[0-9a-f]{3}[A-Za-z0-9_-]{22}")


def bucket_of(name: str) -> Bucket:
    """Return ten bits of SHA-256 over *name*, as three hexadecimal digits."""
    return _remembered_bucket(name) if len(name) <= LONGEST_ID else _bucket(name)


def _bucket(name: str) -> Bucket:
    digest = hashlib.sha256(name.encode()).digest()
    return Bucket(f"{int.from_bytes(digest[:2]) >> (16 - _BUCKET_BITS):03x}")


_remembered_bucket = lru_cache(maxsize=_REMEMBERED)(_bucket)


def bucket_in(identifier: str) -> Bucket:
    """Return the bucket that an identifier made for a client begins with."""
    return Bucket(identifier[:_BUCKET_LENGTH])


def is_made_for_a_client(identifier: str) -> bool:
    """Tell whether *identifier* is a bucket and 22 random characters, as our own ones are."""
    return _MADE_FOR_A_CLIENT.fullmatch(identifier) is not None
