"""Deletes what has expired, a bounded number of rows at a time (D1)."""

import sqlite3
from datetime import datetime, timedelta

from adapters.milliseconds import to_ms
from domain.model.lifetimes import CLOCK_ERROR

# More than a batch of writes adds, so that the sweep always gains on them.
MOST_ROWS = 400

_INTERVAL = timedelta(seconds=1)
_FAMILIES = (
    "DELETE FROM families WHERE rowid IN (SELECT rowid FROM families WHERE expires_at <= ? LIMIT ?)"
)
_REVOCATIONS = (
    "DELETE FROM revocations WHERE token_id IN"
    " (SELECT token_id FROM revocations WHERE expires_at <= ? LIMIT ?)"
)
_ACCESS_TOKENS = (
    "DELETE FROM access_tokens WHERE rowid IN"
    " (SELECT rowid FROM access_tokens WHERE expires_at <= ? LIMIT ?)"
)
_SPENT_ASSERTIONS = (
    "DELETE FROM spent_assertions WHERE assertion_id IN"
    " (SELECT assertion_id FROM spent_assertions WHERE expires_at <= ? LIMIT ?)"
)
_SPENT_BUDGETS = (
    "DELETE FROM spent_budgets WHERE limit_key IN"
    " (SELECT limit_key FROM spent_budgets WHERE resets_at <= ? LIMIT ?)"
)
_VOUCHERS = (
    "DELETE FROM vouchers WHERE limit_key IN"
    " (SELECT limit_key FROM vouchers WHERE expires_at <= ? LIMIT ?)"
)
_USAGE = (
    "DELETE FROM usage WHERE (client_id, kind, name) IN"
    " (SELECT client_id, kind, name FROM usage WHERE expires_at <= ? LIMIT ?)"
)
_DELETIONS = (
    *(_FAMILIES, _ACCESS_TOKENS),
    *(_SPENT_ASSERTIONS, _SPENT_BUDGETS, _VOUCHERS, _USAGE),
)


class Sweep:
    """Knows the time from the writes alone: while nothing is written, nothing grows."""

    def __init__(self) -> None:
        self._swept_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        # A clock that was set back counts as time gone by, or the sweep would wait for it.
        return self._swept_at is None or abs(now - self._swept_at) >= _INTERVAL

    def __call__(self, connection: sqlite3.Connection, now: datetime) -> None:
        """Delete up to `MOST_ROWS` of each table; more are due at once.

        A revocation stays longer: if the clock was wrong, its token lives again.
        """
        expired = (to_ms(now), MOST_ROWS)
        deleted = [connection.execute(deletion, expired).rowcount for deletion in _DELETIONS]
        expired_for_good = (to_ms(now - CLOCK_ERROR), MOST_ROWS)
        deleted.append(connection.execute(_REVOCATIONS, expired_for_good).rowcount)
        self._swept_at = now if max(deleted) < MOST_ROWS else None
