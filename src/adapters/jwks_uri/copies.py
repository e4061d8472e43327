"""What is kept of a client's published key set, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

import msgspec

from adapters.jwks_uri.replies import Reply

SHORTEST: Final = timedelta(seconds=10)
USUAL: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(hours=1)

_MOST_DIGITS = 9


class NotAKeySet(Exception):
    """What was fetched is something else."""


class _Jwk(msgspec.Struct):
    kid: Any = None


class _JwkSet(msgspec.Struct):
    keys: list[_Jwk]


_read = msgspec.json.Decoder(_JwkSet).decode


@dataclass(frozen=True, slots=True)
class KeySetCopy:
    """A JWK set as it was fetched."""

    text: str
    key_ids: frozenset[str]
    good_until: datetime

    @classmethod
    def read(cls, reply: Reply, *, now: datetime) -> Self:
        """Take a reply for a key set; its keys are somebody else's to judge.

        Raises:
            NotAKeySet: If it is none (RFC 7517 §5).
        """
        try:
            text = reply.body.decode()
            keys = _read(text).keys
        except (ValueError, RecursionError):
            raise NotAKeySet from None
        key_ids = frozenset(key.kid for key in keys if isinstance(key.kid, str))
        return cls(text, key_ids, now + freshness(reply.cache_control))

    def is_good(self, now: datetime) -> bool:
        return now < self.good_until

    def has(self, key_id: str | None) -> bool:
        return key_id is None or key_id in self.key_ids


def freshness(cache_control: str) -> timedelta:
    """Return how long a copy is good: `max-age`, within bounds (RFC 9111 §5.2.2)."""
    for directive in cache_control.lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name in ("no-cache", "no-store"):
            return SHORTEST
        digits = value.strip('"')
        if name == "max-age" and digits.isascii() and digits.isdigit():
            seconds = int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
            return min(max(timedelta(seconds=seconds), SHORTEST), LONGEST)
    return USUAL
