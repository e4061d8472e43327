"""A load of callers upon a server, and the questions that are asked once it is over."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from support.faults.history import Phase, TokenName
from support.faults.lives import Client, Leaver, Life, Watcher
from support.faults.recorder import Recorder
from support.faults.wire import GrpcLine, HttpLine, Line
from support.grantd_process import RegisteredClient

T = TypeVar("T")

_CLIENTS_AT_ONCE = 6
_READ_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part.

    Attributes:
        clients: With refresh tokens and without, of JWTs and of opaque tokens.

        leaving: One whose tokens are all revoked, again and again.

        administrator: The token of who does that.
    """

    clients: Sequence[RegisteredClient]
    leaving: RegisteredClient
    administrator: str = field(repr=False)


class Load:
    """Callers on connections of their own to a server on this machine.

    Args:
        seed: What the callers do is made from it; when they come to do it is not.
    """

    def __init__(self, cast: Cast, *, http_port: int, grpc_port: int, seed: str) -> None:
        self.recorder = Recorder()
        self._over = asyncio.Event()
        lines = (
            (HttpLine(http_port, f"http {number}"), GrpcLine(grpc_port, f"grpc {number}"))
            for number in range(_CLIENTS_AT_ONCE + 2)
        )
        lives = (
            (self.recorder, random.Random(f"{seed} {http.name}"), http, grpc, self._over)
            for http, grpc in lines
        )
        self._lives: list[Life] = [
            *(Client(*next(lives), cast.clients) for _ in range(_CLIENTS_AT_ONCE)),
            Watcher(*next(lives)),
            Leaver(*next(lives), cast.leaving, cast.administrator),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the callers live; at the end wait for the answers to what they have asked."""
        async with asyncio.TaskGroup() as group:
            for life in self._lives:
                group.create_task(life.live())
            try:
                yield
            finally:
                self._over.set()

    async def read_everything(self) -> None:
        """Ask once more about every token that anybody was given."""
        self.recorder.phase = Phase.READING
        await self._share(list(self.recorder.history.tokens), self._read)

    async def try_every_family(self) -> None:
        """Redeem what every family has left, replay it, and ask about all of the family again."""
        self.recorder.phase = Phase.TRIAL
        await self._share(list(self.recorder.families), self._try)

    async def close(self) -> None:
        for life in self._lives:
            await life.http.close()
            await life.grpc.close()

    async def _share(self, work: Sequence[T], do: Callable[[T, Line], Awaitable[None]]) -> None:
        """Do all of the work, a part on every line."""
        waiting = iter(work)

        async def take(line: Line) -> None:
            for each in waiting:
                await do(each, line)

        async with asyncio.TaskGroup() as group:
            for life in self._lives:
                group.create_task(take(life.http))
                group.create_task(take(life.grpc))

    async def _read(self, token: TokenName, line: Line) -> None:
        await self.recorder.read(token, line, within=_READ_WITHIN)

    async def _try(self, family: str, line: Line) -> None:
        members = self.recorder.families[family]
        newest = max(
            (name for name in members if ".r" in name),
            key=lambda name: int(name.partition(".r")[2]),
        )
        await self.recorder.refresh(newest, line)
        await self.recorder.refresh(newest, line)
        for token in tuple(members):
            await self.recorder.introspect(token, line)
