"""Limits on failed authentication (RFC 6749 §10.10).

There are three budgets: for a client from one source, for a client, and for
a source. Who has succeeded from a source before is vouched for there, and
stands under the first budget alone, so that nobody can lock a client out
from elsewhere.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, NewType

from domain.model.identifiers import LONGEST_ID, ClientId, bucket_of
from domain.model.values import value

LimitKey = NewType("LimitKey", str)

VOUCHED_FOR: Final = timedelta(days=30)

_IPV6_NETWORK_BITS = 64
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1: an IPv4 address in its last bits
_IPV4_BITS = 0xFFFF_FFFF
_REMEMBERED = 4_096


@dataclass(frozen=True, slots=True)
class Budget:
    """How many failures a window forgives. A window begins with its first failure."""

    failures: int
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureLimits:
    """The budgets; None switches one off."""

    per_client_and_source: Budget | None = Budget(10, timedelta(minutes=5))
    per_client: Budget | None = Budget(100, timedelta(minutes=5))
    per_source: Budget | None = Budget(100, timedelta(minutes=5))


@value
class Spent:
    """How much of a budget is gone, until its window ends."""

    failures: int
    resets_at: datetime


@value
class Balance:
    """How a ledger stands.

    Attributes:
        spent: Of each account, in their order; None while nothing is.

        vouched: Whether somebody vouches for the client there.
    """

    spent: tuple[Spent | None, ...]
    vouched: bool

    @property
    def is_unspent(self) -> bool:
        """Whether nothing is gone of any budget."""
        return not any(self.spent)


@dataclass(frozen=True, slots=True)
class Account:
    """A budget and the key it is kept under. Keys hold digests, never names."""

    key: LimitKey
    budget: Budget
    spares_vouched: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that is kept of one client and one source.

    Attributes:
        keys: Those of the accounts, in their order.

        voucher: Under which it is kept that the client succeeded from there.
    """

    accounts: tuple[Account, ...]
    keys: tuple[LimitKey, ...]
    voucher: LimitKey


class Ledgers:
    """Tells which ledger is whose, and remembers it: it follows from *limits* and the two alone."""

    def __init__(self, limits: FailureLimits) -> None:
        self._limits = limits
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._open)

    def of(self, client_id: ClientId, source: str) -> Ledger:
        """Ids that are too long to be anybody's are told apart by their beginnings."""
        return self._remembered(client_id[: LONGEST_ID + 1], source)

    def _open(self, client: str, source: str) -> Ledger:
        booked = accounts(self._limits, client_id=ClientId(client), source=source)
        voucher = vouching_key(client_id=ClientId(client), source=source)
        return Ledger(booked, tuple(account.key for account in booked), voucher)


def accounts(limits: FailureLimits, *, client_id: ClientId, source: str) -> tuple[Account, ...]:
    """Return the accounts that a failure of *client_id* from *source* is booked to."""
    client, network = client_id[: LONGEST_ID + 1], network_of(source)
    booked = (
        (limits.per_client_and_source, _key("cs", client, network), False),
        (limits.per_client, _key("c", client), True),
        (limits.per_source if network else None, _key("s", network), True),
    )
    return tuple(
        Account(key, budget, spares_vouched=spares)
        for budget, key, spares in booked
        if budget is not None
    )


def vouching_key(*, client_id: ClientId, source: str) -> LimitKey:
    """Return the key under which it is kept that a client succeeded from *source*."""
    return _key("v", client_id[: LONGEST_ID + 1], network_of(source))


def retry_after(booked: Sequence[Account], balance: Balance, *, now: datetime) -> timedelta | None:
    """Return how long to wait, or None if no budget is exhausted."""
    longest: timedelta | None = None
    for account, used in zip(booked, balance.spent, strict=True):
        if used is None or used.failures < account.budget.failures or used.resets_at <= now:
            continue
        if balance.vouched and account.spares_vouched:
            continue
        wait = used.resets_at - now
        if longest is None or wait > longest:
            longest = wait
    return longest


def is_threatened(booked: Sequence[Account], balance: Balance) -> bool:
    """Tell whether a budget from which a voucher spares is half gone."""
    return any(
        used is not None and account.spares_vouched and 2 * used.failures >= account.budget.failures
        for account, used in zip(booked, balance.spent, strict=True)
    )


@lru_cache(maxsize=_REMEMBERED)
def network_of(source: str) -> str:
    """Return the address that a source is counted by: IPv6 by its /64, IPv4 as it is."""
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if address in _NAT64:
            return str(IPv4Address(int(address) & _IPV4_BITS))
        return f"{IPv6Address(int(address) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS)}/64"
    return str(address)


def _key(kind: str, *parts: str) -> LimitKey:
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return LimitKey(f"{bucket_of(parts[0])}{kind}{digest[:32]}")
