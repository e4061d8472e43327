"""Noting what is used, without a write per request."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime

from domain.errors import Unavailable
from domain.model.clients import Client, GrantType
from domain.model.credentials import RegisteredSecret
from domain.model.events import AuditEvent, EventKind, Origin
from domain.model.identifiers import ClientId, Epoch
from domain.model.scopes import Scope
from domain.model.secret_lives import newer_secrets
from domain.model.usage import NOTED_EVERY, Use, UseKind
from domain.ports.audit_trail import AuditTrail
from domain.ports.usage import UsageStore
from domain.usecases.proved_client import ProvedClient

_MOST_REMEMBERED = 50_000

_Thing = tuple[str, str]  # a kind's value and a name
_Key = tuple[ClientId, Epoch, str, str | tuple[str, ...]]
_THE_CLIENT: _Thing = (UseKind.CLIENT.value, "")
_SECRET, _GRANT, _SCOPE = UseKind.SECRET.value, UseKind.GRANT.value, UseKind.SCOPE.value


class NoteUse:
    """Passes each use on once in `NOTED_EVERY`, as far as this process remembers.

    A client is remembered by its epoch too: one that is made anew is another.
    """

    def __init__(self, usage: UsageStore, *, audit: AuditTrail) -> None:
        self._usage = usage
        self._audit = audit
        self._noted = _Lately()
        self._told = _Lately()
        # As a whole: while these are lately, nothing of them is due.
        self._came = _Lately()
        self._was_given = _Lately()

    async def authenticated(self, proved: ProvedClient, origin: Origin, *, now: datetime) -> None:
        """Note that a client came, and the secret that proved it.

        That of a public client is no proof, so it counts only once it is
        given a token.
        """
        client, secret = proved.client, proved.secret
        if secret is None:
            if not client.is_public:
                self._note(client, (_THE_CLIENT,), origin, now)
            return
        newest = client.secrets[-1].secret_id
        like_that = (client.client_id, client.epoch, secret.secret_id, newest)
        if self._came.at(like_that, now=now) is None:
            the_secret = (_SECRET, str(secret.secret_id))
            noted_at = self._note(client, (_THE_CLIENT, the_secret), origin, now)
            told_at = await self._tell_of_an_old(secret, client, origin, now)
            self._came.remember(like_that, at=min(noted_at, told_at), now=now)

    def issued(
        self, client: Client, grant_type: GrantType, scope: Scope, origin: Origin, *, now: datetime
    ) -> None:
        """Note that a client was given a token, by which grant and with which scope."""
        like_that = (client.client_id, client.epoch, grant_type, scope.values)
        if self._was_given.at(like_that, now=now) is None:
            scopes = [(_SCOPE, token) for token in scope]
            things = (_THE_CLIENT, (_GRANT, grant_type.value), *scopes)
            noted_at = self._note(client, things, origin, now)
            self._was_given.remember(like_that, at=noted_at, now=now)

    def _note(
        self, client: Client, things: Sequence[_Thing], origin: Origin, now: datetime
    ) -> datetime:
        """Pass on what is due, and return when the first of all was passed on."""
        first, due = now, []
        for thing in things:
            key = (client.client_id, client.epoch, *thing)
            at = self._noted.at(key, now=now)
            if at is None:
                self._noted.remember(key, at=now, now=now)
                due.append(thing)
            else:
                first = min(first, at)
        if due:
            self._usage.note([_use(client, thing, origin, now) for thing in due])
        return first

    async def _tell_of_an_old(
        self, secret: RegisteredSecret, client: Client, origin: Origin, now: datetime
    ) -> datetime:
        """Tell of it if it is due, and return when it was told; now if there is nothing to tell."""
        newer = newer_secrets(secret, client, now=now)
        if not newer:
            return now
        key = (client.client_id, client.epoch, _SECRET, str(secret.secret_id))
        if (at := self._told.at(key, now=now)) is not None:
            return at
        self._told.remember(key, at=now, now=now)
        since = newer[0].created_at.isoformat(timespec="seconds")
        event = AuditEvent(
            kind=EventKind.SECRET_USED,
            at=now,
            origin=origin,
            client_id=client.client_id,
            subject=secret.secret_id,
            change=f"there is a newer one since {since}",
        )
        try:
            await self._audit.record(event)
        except Unavailable:
            self._told.forget(key)
            raise
        return now


class _Lately:
    """When what was last, within `NOTED_EVERY`, as much of it as there is room for."""

    def __init__(self) -> None:
        self._at: OrderedDict[_Key, datetime] = OrderedDict()

    def at(self, key: _Key, *, now: datetime) -> datetime | None:
        """Return when *key* was, None if that is `NOTED_EVERY` ago or not remembered."""
        at = self._at.get(key)
        return at if at is not None and now - at < NOTED_EVERY else None

    def remember(self, key: _Key, *, at: datetime, now: datetime) -> None:
        while self._at and now - next(iter(self._at.values())) >= NOTED_EVERY:
            self._at.popitem(last=False)  # what came first stands first
        self._at.pop(key, None)
        if len(self._at) >= _MOST_REMEMBERED:
            self._at.popitem(last=False)
        self._at[key] = at

    def forget(self, key: _Key) -> None:
        self._at.pop(key, None)


def _use(client: Client, thing: _Thing, origin: Origin, now: datetime) -> Use:
    kind, name = thing
    return Use(
        client_id=client.client_id,
        kind=UseKind(kind),
        name=name,
        at=now,
        source=origin.address,
    )
