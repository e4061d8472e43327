"""Refusals of every kind, for tests that go through all of them."""

from datetime import timedelta

from domain.errors import GrantdError, TooManyRequests


def refusal_of(kind: type[GrantdError], detail: str = "") -> GrantdError:
    """Return a refusal of *kind*; those that have to say when to come back say soon."""
    if issubclass(kind, TooManyRequests):
        return kind(detail, retry_after=timedelta(seconds=7))
    return kind(detail)
