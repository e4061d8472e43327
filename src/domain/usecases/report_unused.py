"""Which privileges nobody uses: scopes, grants, and whole clients."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.model.clients import Client, GrantType
from domain.model.scopes import Scope
from domain.model.usage import ClientUsage, UseKind
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.ports.usage import UsageStore
from domain.usecases.each_client import each_page


class Presence(StrEnum):
    """Whether a client came in the time that a report looks at."""

    CAME = "came"
    STAYED_AWAY = "stayed_away"
    NEVER_SEEN = "never_seen"
    TOO_YOUNG = "too_young"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disuse:
    """What of a client's privileges was not used.

    Attributes:
        last_came_at: None if nothing is known of it.

        scope: What it may ask for and was never granted.

        grant_types: What it may use and did not.
    """

    client: Client
    presence: Presence
    last_came_at: datetime | None
    scope: Scope = Scope()
    grant_types: frozenset[GrantType] = frozenset()

    @property
    def is_found(self) -> bool:
        """Whether there is anything to take away."""
        if self.presence is Presence.TOO_YOUNG:
            return False
        return self.presence is not Presence.CAME or bool(self.scope or self.grant_types)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedReport:
    """What was not used since *since*.

    Attributes:
        known_since: Since when uses were noted at all; before, nobody can
            tell. None if none is known.
    """

    since: datetime
    known_since: datetime | None
    clients: tuple[Disuse, ...]

    @property
    def is_whole(self) -> bool:
        """Whether uses were noted in all of the time looked at."""
        return self.known_since is not None and self.known_since <= self.since


def judge_disuse(client: Client, usage: ClientUsage, *, since: datetime) -> Disuse:
    """Tell what of a client's privileges was not used from *since* on.

    Nothing is told of a client that was registered later: it has not had the
    time. Of one that stayed away the client itself is what is not used.
    """
    came = usage.last(UseKind.CLIENT)
    last_came_at = came.at if came is not None else None
    if client.created_at > since:
        return Disuse(client=client, presence=Presence.TOO_YOUNG, last_came_at=last_came_at)
    if last_came_at is None:
        return Disuse(client=client, presence=Presence.NEVER_SEEN, last_came_at=None)
    if last_came_at < since:
        return Disuse(client=client, presence=Presence.STAYED_AWAY, last_came_at=last_came_at)

    def is_unused(kind: UseKind, name: str) -> bool:
        last = usage.last(kind, name)
        return last is None or last.at < since

    return Disuse(
        client=client,
        presence=Presence.CAME,
        last_came_at=last_came_at,
        scope=Scope(tuple(token for token in client.scope if is_unused(UseKind.SCOPE, token))),
        grant_types=frozenset(
            grant for grant in client.grant_types if is_unused(UseKind.GRANT, grant)
        ),
    )


class ReportUnused:
    def __init__(self, clients: ClientStore, usage: UsageStore, *, clock: Clock) -> None:
        self._clients = clients
        self._usage = usage
        self._clock = clock

    async def __call__(self, period: timedelta) -> UnusedReport:
        """Report on all clients, in the order of their ids, for the *period* that ends now."""
        now = self._clock.now()
        since = now - period
        known_since: datetime | None = None
        judged: list[Disuse] = []
        async for page in each_page(self._clients):
            readings = [self._usage.of(client.client_id, now=now) for client in page]
            for client, reading in zip(page, readings, strict=True):
                usage = ClientUsage.of(client, await reading)
                known_since = min(filter(None, (known_since, usage.known_since)), default=None)
                judged.append(judge_disuse(client, usage, since=since))
        return UnusedReport(since=since, known_since=known_since, clients=tuple(judged))
