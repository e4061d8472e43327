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

_Thing = tuple[str, str]  # a kind's value and a name: to hash a member of an enum takes long
_Key = tuple[ClientId, Epoch, _Thing]
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

    async def authenticated(self, proved: ProvedClient, origin: Origin, *, now: datetime) -> None:
        """Note that a client came, and the secret that proved it.

        That of a public client is no proof, so it counts only once it is
        given a token.
        """
        client, secret = proved.client, proved.secret
        if secret is not None:
            the_secret = (_SECRET, str(secret.secret_id))
            self._note(client, (_THE_CLIENT, the_secret), origin, now)
            await self._tell_of_an_old(secret, client, origin, now)
        elif not client.is_public:
            self._note(client, (_THE_CLIENT,), origin, now)

    def issued(
        self, client: Client, grant_type: GrantType, scope: Scope, origin: Origin, *, now: datetime
    ) -> None:
        """Note that a client was given a token, by which grant and with which scope."""
        scopes = [(_SCOPE, token) for token in scope]
        self._note(client, (_THE_CLIENT, (_GRANT, grant_type.value), *scopes), origin, now)

    def _note(
        self, client: Client, things: Sequence[_Thing], origin: Origin, now: datetime
    ) -> None:
        due = [
            thing
            for thing in things
            if self._noted.is_news((client.client_id, client.epoch, thing), now=now)
        ]
        if due:
            self._usage.note([_use(client, thing, origin, now) for thing in due])

    async def _tell_of_an_old(
        self, secret: RegisteredSecret, client: Client, origin: Origin, now: datetime
    ) -> None:
        newer = newer_secrets(secret, client, now=now)
        key = (client.client_id, client.epoch, (_SECRET, str(secret.secret_id)))
        if not newer or not self._told.is_news(key, now=now):
            return
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


class _Lately:
    """What was passed on within `NOTED_EVERY`, as much of it as there is room for."""

    def __init__(self) -> None:
        self._at: OrderedDict[_Key, datetime] = OrderedDict()

    def is_news(self, key: _Key, *, now: datetime) -> bool:
        """Remember *key*, and tell whether it was not remembered."""
        while self._at and now - next(iter(self._at.values())) >= NOTED_EVERY:
            self._at.popitem(last=False)  # what came first stands first
        if key in self._at:
            return False
        if len(self._at) >= _MOST_REMEMBERED:
            self._at.popitem(last=False)
        self._at[key] = now
        return True

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
