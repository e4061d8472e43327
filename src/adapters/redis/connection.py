"""What the stores share: one way to Redis, however it is set up.

None of the client library's exceptions gets past this file, and nothing is
repeated but by it. Nothing is begun again after the time that a reply may
take, and nothing waits longer than two replies and a connection may take.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import timedelta
from time import perf_counter
from typing import Any, Final, Self, TypeVar

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from adapters.redis import keys as key_names
from adapters.redis.address import RedisAddress
from adapters.redis.credentials import CredentialFiles
from adapters.redis.deployment import Deployment, accepted
from adapters.redis.deployments import open_deployment
from adapters.redis.failures import (
    FAILED,
    IN_MOTION,
    READ_AGAIN,
    STEP_AGAIN,
    CircuitOpen,
    NoPrimary,
    TooFewReplicas,
)
from adapters.redis.gathering import Answer, Ask, Gathering, Value
from adapters.redis.link import Command, Reply, Word
from adapters.redis.scripts import Script
from adapters.redis.sentinel_views import SentinelView
from adapters.store_trips import TripKind, TripObserver, Unobserved, count_step
from domain.errors import Unavailable

T = TypeVar("T")

_CONNECT_TIMEOUT: Final = timedelta(seconds=1)
_REPLY_TIMEOUT: Final = timedelta(seconds=2)

# How long to wait, at most, before each repetition.
_PAUSES: Final = (0.02, 0.1)
# A slot that moves takes its time, and whoever waits for it loses nothing.
_PAUSES_IN_MOTION: Final = (0.02, 0.05, *[0.1] * 10)

_FENCE_MS: Final = 60_000
_NO_FILES: Final = CredentialFiles()
_UNOBSERVED: Final = Unobserved()
# How the library reads INFO and others; this one connects to nobody.
_READABLE: Final = Redis(protocol=3).response_callbacks


class RedisConnection:
    """It belongs to the event loop it is used in.

    Attributes:
        ask: Begins to read a string, together with whatever else is asked for
            in this turn; see `Gathering`.

    Args:
        reply_timeout: After so long nothing is tried again.

        wait_replicas: How many replicas have to have what must last.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        reply_timeout: timedelta = _REPLY_TIMEOUT,
        wait_replicas: int = 0,
        trips: TripObserver = _UNOBSERVED,
    ) -> None:
        self._deployment = deployment
        self._patience = reply_timeout.total_seconds()
        self._longest = (2 * reply_timeout + _CONNECT_TIMEOUT).total_seconds()
        self._wait_replicas = wait_replicas
        self._trips = trips
        self._gatherings: defaultdict[Hashable, Gathering] = defaultdict(
            lambda: Gathering(self._fetch)
        )
        self.ask: Ask = (
            self._gatherings[None].ask if deployment.has_one_place else self._ask_at_its_place
        )

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        files: CredentialFiles = _NO_FILES,
        wait_replicas: int = 0,
        connect_timeout: timedelta = _CONNECT_TIMEOUT,
        reply_timeout: timedelta = _REPLY_TIMEOUT,
        trips: TripObserver = _UNOBSERVED,
    ) -> Self:
        """Prepare to connect; the first command does it.

        Raises:
            ValueError: If the URL is not one of ours (see `RedisAddress`), or a file does not do.
        """
        deployment = open_deployment(
            RedisAddress.parse(url),
            files,
            connect_timeout=connect_timeout.total_seconds(),
            reply_timeout=reply_timeout.total_seconds(),
        )
        return cls(
            deployment, reply_timeout=reply_timeout, wait_replicas=wait_replicas, trips=trips
        )

    def get(self, key: bytes) -> Answer[Value]:
        """Begin to read a string as it is."""
        return self.ask(key, _as_it_is)

    async def command(self, name: str, key: bytes, *rest: Word, must_last: bool = False) -> Reply:
        """Send a command about *key*; again if its reply is lost, so it MUST be safe to repeat.

        Args:
            must_last: As of a script.

        Raises:
            Unavailable: If it cannot be known to have been carried out.
        """
        count_step()
        return await self._persist(
            TripKind.COMMAND,
            lambda: self._send(key, (name, key, *rest), must_last=must_last),
            STEP_AGAIN,
        )

    async def ask_each(self, *words: str) -> Mapping[str, Any]:
        """Ask every primary something that is about no key; the answers by where it is.

        A dead shard of a cluster is left out.

        Raises:
            Unavailable: If none of them answers, or one refuses.
        """
        count_step()
        answers: Mapping[str, Any] = await self._persist(
            TripKind.COMMAND, lambda: self._deployment.ask_each(words), STEP_AGAIN
        )
        name = " ".join(words[:2]) if words[0] == "CONFIG" else words[0]
        read = _READABLE.get(name, lambda answer: answer)
        return {place: read(answer) for place, answer in answers.items()}

    async def hear_sentinels(self) -> Mapping[str, SentinelView | None]:
        """Ask the Sentinels, if there are any; None is one that does not answer.

        Raises:
            Unavailable: If too few of them answer to know the primary.
        """
        views: Mapping[str, SentinelView | None] = await self._persist(
            TripKind.COMMAND, self._deployment.hear_sentinels, READ_AGAIN
        )
        return views

    async def run(
        self, script: Script, *, keys: Sequence[bytes], arguments: Sequence[Word] = ()
    ) -> Reply:
        """Run a script; again if its reply is lost, which every script of ours allows.

        Raises:
            Unavailable: If it cannot be known to have been carried out, or,
                where it must last, to last.
        """
        rest = (len(keys), *keys, *arguments)
        count_step()

        def call(name: str, what: Word) -> Awaitable[Reply]:
            return self._send(keys[0], (name, what, *rest), must_last=script.must_last)

        async def step() -> Reply:
            try:
                return await call("EVALSHA", script.sha)
            except NoScriptError:
                return await call("EVAL", script.source)

        return await self._persist(TripKind.STEP, step, STEP_AGAIN)

    async def close(self) -> None:
        """Let reads that are under way finish, and disconnect."""
        for gathering in self._gatherings.values():
            await gathering.close()
        await self._deployment.close()

    def _ask_at_its_place(
        self, key: bytes, decode: Callable[[Value, Any], T], about: object = None
    ) -> Answer[T]:
        return self._gatherings[self._deployment.place(key)].ask(key, decode, about)

    async def _fetch(self, keys: Sequence[bytes]) -> Sequence[Value]:
        values: Sequence[Value] = await self._persist(
            TripKind.READ, lambda: self._deployment.fetch(keys), READ_AGAIN
        )
        return values

    async def _send(self, key: bytes, command: Command, *, must_last: bool) -> Reply:
        if not (must_last and self._wait_replicas):
            (reply,) = await self._deployment.exchange(key, [command])
            return accepted(reply)
        # A step that finds its work done writes nothing, and Redis would have nothing to wait
        # for, although replicas may still lack what was written before: so we write something.
        fence: Command = ("SET", key_names.fence(key), b"", "PX", _FENCE_MS)
        wait: Command = ("WAIT", self._wait_replicas, int(self._patience / 2 * 1000))
        reply, written, replicas = await self._deployment.exchange(key, [command, fence, wait])
        answer, _ = accepted(reply), accepted(written)
        if accepted(replicas) < self._wait_replicas:
            raise TooFewReplicas(f"{replicas} of {self._wait_replicas} replicas have it")
        return answer

    async def _persist(
        self,
        kind: TripKind,
        step: Callable[[], Awaitable[Any]],
        again_after: tuple[type[Exception], ...],
    ) -> Reply:
        try:
            async with asyncio.timeout(self._longest):
                return await self._try_again(kind, step, again_after)
        except TimeoutError as error:
            raise Unavailable(f"Redis: nothing came of it within {self._longest:g} s") from error

    async def _try_again(
        self,
        kind: TripKind,
        step: Callable[[], Awaitable[Any]],
        again_after: tuple[type[Exception], ...],
    ) -> Reply:
        give_up_at = perf_counter() + self._patience
        attempt = 0
        while True:
            began = perf_counter()
            try:
                answer = await step()
            except FAILED as error:
                if isinstance(error, CircuitOpen | NoPrimary):
                    self._trips.withheld(kind)
                else:
                    self._trips.made(kind, seconds=perf_counter() - began, failed=True)
                pauses = _PAUSES_IN_MOTION if isinstance(error, IN_MOTION) else _PAUSES
                hopeless = attempt >= len(pauses) or not isinstance(error, again_after)
                if hopeless or perf_counter() > give_up_at:
                    raise Unavailable(f"Redis: {type(error).__name__}: {error}") from error
                await asyncio.sleep(pauses[attempt] * random.uniform(0.5, 1))  # noqa: S311  (no secret: it parts those who failed together)
                attempt += 1
            else:
                self._trips.made(kind, seconds=perf_counter() - began, failed=False)
                return answer


def _as_it_is(value: Value, _: object) -> Value:
    return value
