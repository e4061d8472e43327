"""The life of client secrets: added, rotated, expired, deleted (D5)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.errors import ClientNotFound, InvalidRegistration, LastSecret, SecretNotFound
from domain.model.clients import Client
from domain.model.credentials import ClientSecret, RegisteredSecret, SecretId
from domain.model.identifiers import ClientId
from domain.model.secret_lives import Deletion, is_weakened, judge_deletion, without
from domain.model.texts import LONGEST_LABEL, is_showable
from domain.model.tokens import SHORTEST_LIFETIME
from domain.model.usage import ClientUsage, LastUse, UseKind
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.ports.usage import UsageStore
from domain.usecases.change_client import ChangeClient
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.make_secret import MadeSecret, MakeSecret

_Secrets = tuple[RegisteredSecret, ...]


@dataclass(frozen=True, slots=True)
class AddedSecret:
    """A client with one more secret, and that secret for the one time it is shown."""

    client: Client
    secret_id: SecretId
    secret: ClientSecret


@dataclass(frozen=True, slots=True)
class SecretStanding:
    """A secret, when it was last used as far as that is known, and whether anybody needs it."""

    secret: RegisteredSecret
    last_use: LastUse | None
    deletion: Deletion


class AdministerSecrets:
    def __init__(
        self,
        clients: ClientStore,
        usage: UsageStore,
        *,
        catalogue: CurrentCatalogue,
        make_secret: MakeSecret,
        change: ChangeClient,
        clock: Clock,
    ) -> None:
        self._clients = clients
        self._usage = usage
        self._catalogue = catalogue
        self._make_secret = make_secret
        self._change = change
        self._clock = clock

    async def standings(self, client_id: ClientId) -> tuple[SecretStanding, ...]:
        """Return how each secret of a client stands, the oldest first.

        Raises:
            ClientNotFound: If there is none of that id.
        """
        now = self._clock.now()
        reading, kept = self._clients.find(client_id), self._usage.of(client_id, now=now)
        client = await reading
        if client is None:
            raise ClientNotFound(client_id, hint=client_id)
        usage = ClientUsage.of(client, await kept)
        return tuple(
            SecretStanding(
                secret=secret,
                last_use=usage.last(UseKind.SECRET, secret.secret_id),
                deletion=judge_deletion(secret, client, usage, now=now),
            )
            for secret in client.secrets
        )

    async def add(
        self, client_id: ClientId, *, label: str = "", lifetime: timedelta | None = None
    ) -> AddedSecret:
        """Give a client one more secret; the others stay what they are.

        Raises:
            ClientNotFound: If there is none of that id.
            InvalidRegistration: If the client can have no more, or none at all.
        """
        if lifetime is not None and lifetime < SHORTEST_LIFETIME:
            raise InvalidRegistration("no lifetime", hint="a secret has to live a second or more")
        expires_at = self._clock.now() + lifetime if lifetime is not None else None
        made = await self._make(label, expires_at=expires_at)
        return await self._add(client_id, made, others=lambda secrets: secrets)

    async def rotate(
        self, client_id: ClientId, *, overlap: timedelta, label: str = ""
    ) -> AddedSecret:
        """Give a client a new secret and end the older ones after *overlap*.

        None of them lives longer than it would have. Those that have expired
        already are cleared away, so that rotating can go on for ever.

        Raises:
            ClientNotFound: If there is none of that id.
            InvalidRegistration: If the client can have no more, or none at all.
        """
        made = await self._make(label)
        now = self._clock.now()

        def end(secrets: _Secrets) -> _Secrets:
            return tuple(
                replace(secret, expires_at=min(secret.expires_at or now + overlap, now + overlap))
                for secret in secrets
                if not secret.is_expired(now)
            )

        return await self._add(client_id, made, others=end)

    async def expire(
        self,
        client_id: ClientId,
        secret_id: SecretId,
        *,
        after: timedelta,
        even_the_last: bool = False,
    ) -> Client:
        """Set when a secret ends, once and for all: one that has ended does not come back.

        Raises:
            ClientNotFound: If there is none of that id.
            SecretNotFound: If the client has no such secret.
            InvalidRegistration: If it has expired already.
            LastSecret: If the client were without a secret that works sooner
                than it is now, unless *even_the_last*.
        """
        now = self._clock.now()
        ends = now + after

        def change(client: Client) -> Client:
            found = _require_secret(client, secret_id)
            if found.is_expired(now):
                raise InvalidRegistration("an expired secret", hint="it has expired already")
            ending = replace(found, expires_at=ends)
            secrets = tuple(ending if kept is found else kept for kept in client.secrets)
            changed = replace(client, secrets=secrets)
            if not even_the_last:
                _require_working(changed, was=client, now=now)
            return changed

        return await self._change(client_id, change)

    async def delete(
        self, client_id: ClientId, secret_id: SecretId, *, even_the_last: bool = False
    ) -> Client:
        """Remove a secret, whatever any clock says.

        Raises:
            ClientNotFound: If there is none of that id.
            SecretNotFound: If the client has no such secret.
            LastSecret: As `expire` does.
        """
        now = self._clock.now()

        def change(client: Client) -> Client:
            found = _require_secret(client, secret_id)
            changed = replace(client, secrets=without(client, found))
            if not even_the_last:
                _require_working(changed, was=client, now=now)
            return changed

        return await self._change(client_id, change)

    async def _make(self, label: str, *, expires_at: datetime | None = None) -> MadeSecret:
        if not is_showable(label, longest=LONGEST_LABEL):
            raise InvalidRegistration(
                "an unusable label",
                hint=f"a label has up to {LONGEST_LABEL} characters, all printable",
            )
        pepper = (await self._catalogue.read()).keyring.pepper
        return await self._make_secret(pepper=pepper, label=label, expires_at=expires_at)

    async def _add(
        self,
        client_id: ClientId,
        made: MadeSecret,
        *,
        others: Callable[[_Secrets], _Secrets],
    ) -> AddedSecret:
        client = await self._change(
            client_id,
            lambda found: self._make_secret.give(
                made, replace(found, secrets=others(found.secrets))
            ),
        )
        return AddedSecret(client, made.kept.secret_id, made.secret)


def _require_secret(client: Client, secret_id: SecretId) -> RegisteredSecret:
    for secret in client.secrets:
        if secret.secret_id == secret_id:
            return secret
    raise SecretNotFound(secret_id, hint=secret_id)


def _require_working(client: Client, *, was: Client, now: datetime) -> None:
    """Refuse to bring nearer the moment from which on no secret works."""
    if is_weakened(client, was=was, now=now):
        raise LastSecret("the last secret that works", hint="rotate or add one first")
