"""One server: a few links to it, and a circuit that opens when it does not answer."""

import asyncio
from collections.abc import Sequence
from typing import Final

from adapters.redis.address import Endpoint
from adapters.redis.circuit import Circuit
from adapters.redis.failures import AWAY, CircuitOpen, ConnectionLost, ReplyOverdue
from adapters.redis.link import Command, Link, Reply, Wiring

_LINKS: Final = 16
_LINKS_THAT_WAIT: Final = 12  # for replicas; the others stay free for who reads


class Node:
    """Shares at most sixteen links among all who ask.

    When a link fails, all others are given up with it: what was reached by
    them may have been frozen, replaced or cut off, and a new link asks it anew
    who it is.
    """

    def __init__(self, endpoint: Endpoint, wiring: Wiring) -> None:
        self.endpoint = endpoint
        self._wiring = wiring
        self._circuit = Circuit()
        self._last_failure: Exception | None = None
        self._places = asyncio.Semaphore(_LINKS)
        self._places_to_wait = asyncio.Semaphore(_LINKS_THAT_WAIT)
        self._idle: list[Link] = []
        self._generation = 0
        self._disowned = 0

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one packet and return their replies, refusals among them.

        It takes no longer than a link to get free, a connection and a reply may take.

        Raises:
            CircuitOpen: If the server has not answered lately; nothing was sent.
            RedisError: If it does not answer now.
        """
        if commands[-1][0] != "WAIT":
            return await self._exchange(commands)
        async with _Place(self._places_to_wait, self._wiring.reply_timeout):
            return await self._exchange(commands)

    async def forsake(self) -> None:
        """Give up every link, those in use as soon as their replies are there."""
        self._generation += 1
        idle, self._idle = self._idle, []
        for link in idle:
            await link.cut()

    async def disown(self) -> None:
        """Give up every link, and believe no reply that is still to come: another is primary."""
        self._disowned += 1
        await self.forsake()

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        limit = self._wiring.reply_timeout
        async with _Place(self._places, limit):
            loop = asyncio.get_running_loop()
            if not self._circuit.admits(loop.time()):
                raise CircuitOpen(f"{self.endpoint} has not answered lately: {self._last_failure}")
            generation, disowned = self._generation, self._disowned
            link: Link | None = None
            try:
                link = self._idle.pop() if self._idle else await self._open()
                replies = await link.exchange(commands, within=limit)
            except AWAY as failure:
                self._note(failure)
                await self._give_up(link)
                raise failure from None
            except BaseException:
                self._circuit.given_up()
                if link is not None:
                    await link.cut()
                raise
            await self._put_back(link, generation, replies)
            if disowned != self._disowned:
                raise ConnectionLost(f"{self.endpoint} was replaced meanwhile")
            return replies

    async def _open(self) -> Link:
        return await Link.open(self.endpoint, self._wiring)

    async def _put_back(self, link: Link, generation: int, replies: Sequence[Reply]) -> None:
        for reply in replies:
            if isinstance(reply, AWAY):
                self._note(reply)
                await self._give_up(link)
                return
        self._circuit.succeeded()
        if generation == self._generation:
            self._idle.append(link)
        else:
            await link.cut()

    def _note(self, failure: Exception) -> None:
        self._circuit.failed(asyncio.get_running_loop().time())
        self._last_failure = failure.with_traceback(None)

    async def _give_up(self, link: Link | None) -> None:
        if link is not None:
            await link.cut()
        await self.forsake()


class _Place:
    """A place in a semaphore, waited for no longer than a limit."""

    __slots__ = ("_limit", "_places")

    def __init__(self, places: asyncio.Semaphore, limit: float) -> None:
        self._places = places
        self._limit = limit

    async def __aenter__(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(self._limit):
                await self._places.acquire()
        except TimeoutError:
            raise ReplyOverdue("too many wait for a free connection") from None

    async def __aexit__(self, *_: object) -> None:
        self._places.release()
