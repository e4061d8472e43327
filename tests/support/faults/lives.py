"""What callers do with tokens all day, each in a life of its own."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from support.faults.history import Outcome, TokenName
from support.faults.recorder import Recorder, Told
from support.faults.wire import GrpcLine, HttpLine, Line
from support.grantd_process import RegisteredClient

_LONGEST_CHAIN = 4
_TOKENS_OF_WHO_LEAVES = 3
_LOOKED_BACK_AT = 80  # of the newest tokens, those that a watcher asks about

# Seconds, from and to.
_PAUSE = (0.01, 0.08)
_PAUSE_IN_TROUBLE = (0.1, 0.3)
_PAUSE_BEFORE_LEAVING = (0.1, 0.3)


@dataclass(slots=True)
class Life:
    """One caller, with a connection of its own over each protocol.

    Attributes:
        over: Set when it shall end.
    """

    recorder: Recorder
    chance: random.Random
    http: HttpLine
    grpc: GrpcLine
    over: asyncio.Event

    async def live(self) -> None:
        while not self.over.is_set():
            await self._day()

    async def _day(self) -> None:
        raise NotImplementedError

    @property
    def _lines(self) -> tuple[Line, Line]:
        return self.http, self.grpc

    def _line(self) -> Line:
        return self.chance.choice(self._lines)

    async def _pause(self, after: Outcome = Outcome.DONE) -> None:
        span = _PAUSE_IN_TROUBLE if after is Outcome.UNKNOWN else _PAUSE
        await asyncio.sleep(self.chance.uniform(*span))

    async def _ask_everywhere(self, *tokens: TokenName | None) -> None:
        """Ask workers of both protocols about tokens at once."""
        await asyncio.gather(
            *(
                self.recorder.introspect(token, line)
                for token in tokens
                for line in self._lines
                if token is not None
            )
        )


@dataclass(slots=True)
class Client(Life):
    """Gets tokens, refreshes them, races itself, and gives them back or not."""

    clients: Sequence[RegisteredClient] = ()

    async def _day(self) -> None:
        given = await self.recorder.issue(self.chance.choice(self.clients), self._line())
        await self._pause(given.outcome)
        if given.access is None:
            return
        await self.recorder.introspect(given.access, self._line())
        if given.refresh is None:
            await self._give_back(given.access)
            return
        spent: list[TokenName] = []
        for _ in range(self.chance.randint(0, _LONGEST_CHAIN)):
            if self.over.is_set() or given.refresh is None:
                break
            spent.append(given.refresh)
            renewed = await self._renew(given.refresh)
            if renewed.outcome is not Outcome.DONE:
                await self._ask_everywhere(given.access, spent[-1])
                return
            given = renewed
            await self._pause()
        await self._take_leave(given, spent)

    async def _renew(self, refresh: TokenName) -> Told:
        """Refresh, at times over two connections at once, at times again for want of an answer."""
        if self.chance.random() < 0.15:
            answers = await asyncio.gather(
                *(self.recorder.refresh(refresh, line) for line in self._lines)
            )
            return next((each for each in answers if each.outcome is not Outcome.DONE), answers[0])
        told = await self.recorder.refresh(refresh, self._line())
        while told.outcome is Outcome.UNKNOWN and self.chance.random() < 0.5:
            await self._pause(told.outcome)
            told = await self.recorder.refresh(refresh, self._line())
        return told

    async def _take_leave(self, given: Told, spent: Sequence[TokenName]) -> None:
        """End the family, end one of its tokens, give itself away by a replay, or do nothing."""
        assert given.access is not None
        wish = self.chance.random()
        if wish < 0.35:
            ends = self.chance.choice([name for name in (*spent, given.refresh) if name])
            await self._revoke(ends)
        elif wish < 0.55:
            await self._revoke(given.access)
        elif wish < 0.7 and spent:
            await self.recorder.refresh(spent[-1], self._line())
        else:
            return
        await self._ask_everywhere(given.access, given.refresh)

    async def _give_back(self, access: TokenName) -> None:
        if self.chance.random() < 0.7:
            await self._revoke(access)
            await self._ask_everywhere(access)

    async def _revoke(self, token: TokenName) -> None:
        told = await self.recorder.revoke(token, self._line())
        while told.outcome is Outcome.UNKNOWN and self.chance.random() < 0.5:
            await self._pause(told.outcome)
            told = await self.recorder.revoke(token, self._line())


@dataclass(slots=True)
class Watcher(Life):
    """Asks about other callers' tokens, the newest most of all."""

    async def _day(self) -> None:
        names = list(self.recorder.history.tokens)[-_LOOKED_BACK_AT:]
        if names:
            token = self.chance.choice(names)
            await asyncio.gather(*(self.recorder.introspect(token, line) for line in self._lines))
        await self._pause()


@dataclass(slots=True)
class Leaver(Life):
    """Gets tokens for a client, and has all that the client holds revoked."""

    client: RegisteredClient
    administrator: str

    async def _day(self) -> None:
        held: list[TokenName] = []
        for _ in range(_TOKENS_OF_WHO_LEAVES):
            given = await self.recorder.issue(self.client, self._line())
            held.extend(name for name in (given.access, given.refresh) if name is not None)
        await asyncio.sleep(self.chance.uniform(*_PAUSE_BEFORE_LEAVING))
        told = await self.recorder.end_client(
            self.client, self.grpc, administrator=self.administrator
        )
        await self._pause(told.outcome)
        await self._ask_everywhere(*held)
