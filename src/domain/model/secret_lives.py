"""How the secrets of one client stand to each other: newer, working longer, not needed any more."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.model.clients import Client
from domain.model.credentials import AuthMethod, RegisteredSecret
from domain.model.usage import ClientUsage, LastUse, UseKind

_SINCE_EVER: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

_LEFT_FOR: Final = timedelta(days=1)
_NEVER_USED_FOR: Final = timedelta(days=30)

_UNITS: Final = (
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)


@dataclass(frozen=True, slots=True)
class Deletion:
    """Whether a secret can be deleted with nobody missing it, and why."""

    is_safe: bool
    reason: str


def works_until(client: Client) -> datetime:
    """Return until when every method that takes a secret has one."""
    has_to_be_kept = AuthMethod.CLIENT_SECRET_JWT in client.auth_methods
    ends = (
        secret.expires_at or _NEVER
        for secret in client.secrets
        if secret.sealed is not None or not has_to_be_kept
    )
    return max(ends, default=_SINCE_EVER)


def without(client: Client, secret: RegisteredSecret) -> tuple[RegisteredSecret, ...]:
    return tuple(kept for kept in client.secrets if kept.secret_id != secret.secret_id)


def is_weakened(client: Client, *, was: Client, now: datetime) -> bool:
    """Tell whether the moment from which on no secret works has come nearer."""
    return client.uses_a_secret and works_until(was) > max(works_until(client), now)


def newer_secrets(
    secret: RegisteredSecret, client: Client, *, now: datetime
) -> tuple[RegisteredSecret, ...]:
    """Return the secrets that were added after *secret* and work, in that order."""
    ids = [kept.secret_id for kept in client.secrets]
    later = client.secrets[ids.index(secret.secret_id) + 1 :]
    return tuple(kept for kept in later if not kept.is_expired(now))


def judge_deletion(
    secret: RegisteredSecret, client: Client, usage: ClientUsage, *, now: datetime
) -> Deletion:
    """Tell whether *secret* can be deleted with nobody missing it.

    It is if it has expired; if a newer one has been used since its last use,
    a day ago or more; or if it is not the newest and its disuse is known for
    thirty days. It never is while no other secret works as long.
    """
    if secret.is_expired(now):
        return Deletion(is_safe=True, reason="it has expired")
    rest = replace(client, secrets=without(client, secret))
    if works_until(rest) <= now:
        return Deletion(is_safe=False, reason="it is the only one that works")
    if is_weakened(rest, was=client, now=now):
        return Deletion(is_safe=False, reason="no other one works as long")
    last = usage.last(UseKind.SECRET, secret.secret_id)
    if last is not None:
        return _judge_used(secret, last, client, usage, now)
    return _judge_unused(secret, client, usage, now)


def _judge_used(
    secret: RegisteredSecret, last: LastUse, client: Client, usage: ClientUsage, now: datetime
) -> Deletion:
    unused_for = now - last.at
    if unused_for < _LEFT_FOR:
        return Deletion(is_safe=False, reason=f"it was used {_ago(unused_for)}")
    for newer in newer_secrets(secret, client, now=now):
        other = usage.last(UseKind.SECRET, newer.secret_id)
        if other is not None and other.at > last.at:
            reason = f"{newer.secret_id}, which is newer, was used since it was, {_ago(unused_for)}"
            return Deletion(is_safe=True, reason=reason)
    return Deletion(
        is_safe=False, reason=f"no newer one has been used since it was, {_ago(unused_for)}"
    )


def _judge_unused(
    secret: RegisteredSecret, client: Client, usage: ClientUsage, now: datetime
) -> Deletion:
    if not newer_secrets(secret, client, now=now):
        return Deletion(is_safe=False, reason="it is the newest, and has not been used yet")
    if usage.known_since is None:
        return Deletion(is_safe=False, reason="nothing is known yet of what this client uses")
    known_for = now - max(usage.known_since, secret.created_at)
    if known_for < _NEVER_USED_FOR:
        reason = f"that it is not used is known for {_lasting(known_for)} only"
        return Deletion(is_safe=False, reason=reason)
    return Deletion(is_safe=True, reason=f"it has not been used for {_lasting(known_for)}")


def _ago(duration: timedelta) -> str:
    return f"{_lasting(duration)} ago"


def _lasting(duration: timedelta) -> str:
    """Write a duration as people say it, in its largest whole unit."""
    for unit, length in _UNITS:
        if count := duration // length:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
