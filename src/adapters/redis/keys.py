"""The name of every key.

The hash tag of a key is the bucket of the client it belongs to, so that all
that one step touches lies in one slot (D7). Names may hold text from a token
nobody has proved yet: they are only ever compared whole.
"""

from functools import lru_cache
from typing import Final

from adapters.redis.marks import new_mark
from domain.model.assertions import AssertionId
from domain.model.identifiers import (
    ClientId,
    FamilyId,
    Owner,
    TokenId,
    bucket_in,
    bucket_of,
)
from domain.model.limits import LimitKey
from domain.model.tokens import TokenDigest

CATALOGUE_VERSION: Final = b"grantd:{catalogue}:version"
CATALOGUE_SCOPES: Final = b"grantd:{catalogue}:scopes"
CATALOGUE_RESOURCES: Final = b"grantd:{catalogue}:resources"
CATALOGUE_KEYS: Final = b"grantd:{catalogue}:keys"
CATALOGUE_POLICY: Final = b"grantd:{catalogue}:policy"

CLIENT_INDEX: Final = b"grantd:{clients}:index"

ALL: Final = "grantd:*"
NEVER_WRITTEN: Final = "grantd:{none}:none"

AUDIT_EVENTS: Final = b"grantd:{audit}:events"

_REMEMBERED: Final = 4_096  # of names that hold digests: others may be as long as a token says


def client(client_id: ClientId | Owner) -> bytes:
    """Where the client of that id is, or would be."""
    return _name(bucket_of(client_id), "client", client_id)


def usage(client_id: ClientId) -> bytes:
    return _name(bucket_of(client_id), "usage", client_id)


def owner(name: Owner | ClientId) -> bytes:
    """Which clients the owner of that name has; beside the client that would be called so."""
    return _name(bucket_of(name), "owner", name)


def family(family_id: FamilyId) -> bytes:
    return _name(bucket_in(family_id), "family", family_id)


def family_indexes(family_id: FamilyId, owner: ClientId) -> tuple[bytes, bytes]:
    """Where a family is listed by age and by expiry, if it is that owner's.

    They lie beside the family, so that the step that finds that it is another's has them too.
    """
    bucket = bucket_in(family_id)
    return (
        _name(bucket, "families-by-age", owner),
        _name(bucket, "families-by-expiry", owner),
    )


def families_by_age(client_id: ClientId) -> bytes:
    return _name(bucket_of(client_id), "families-by-age", client_id)


def revoked(token_id: TokenId) -> bytes:
    return _name(bucket_in(token_id), "revoked", token_id)


def access_token(digest: TokenDigest) -> bytes:
    return _name(bucket_in(digest), "token", digest)


def spent_assertion(assertion_id: AssertionId) -> bytes:
    return _name(bucket_in(assertion_id), "spent-assertion", assertion_id)


@lru_cache(maxsize=_REMEMBERED)
def spent_budget(key: LimitKey) -> bytes:
    return _name(bucket_in(key), "spent-budget", key)


@lru_cache(maxsize=_REMEMBERED)
def voucher(key: LimitKey) -> bytes:
    return _name(bucket_in(key), "voucher", key)


def receipt(beside: bytes) -> bytes:
    """A key never named before, in the slot of *beside*: see scripts/once.lua."""
    tagged, _, _ = beside.partition(b"}")
    return b"%s}:receipt:%s" % (tagged, new_mark())


def fence(beside: bytes) -> bytes:
    """A key that is written for the sake of writing, in the slot of *beside*."""
    tagged, _, _ = beside.partition(b"}")
    return b"%s}:fence" % tagged


def _name(bucket: str, kind: str, identifier: str) -> bytes:
    return f"grantd:{{{bucket}}}:{kind}:{identifier}".encode("utf-8", "surrogatepass")
