"""The way to Redis: a pool of connections, no retries but ours.

The client library's own retries are off, because it repeats whatever it
likes; ours repeat what is safe to repeat. None of its exceptions gets past
this file.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, Final, Self

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as ReplyOverdue
from redis.maint_notifications import MaintNotificationsConfig

from adapters.redis.address import RedisAddress
from adapters.redis.gathering import Gathering, Value
from adapters.redis.scripts import Script
from adapters.store_trips import TripKind, TripObserver, Unobserved, count_step
from domain.errors import Unavailable

_CONNECT_TIMEOUT: Final = timedelta(seconds=1)
_REPLY_TIMEOUT: Final = timedelta(seconds=2)
_CONNECTIONS: Final = 16
_RESP = 3

# How long to wait, at most, before each repetition.
_PAUSES: Final = (0.02, 0.1)

_UNOBSERVED: Final = Unobserved()


class RedisConnection:
    """What the stores share. It belongs to the event loop it is used in."""

    def __init__(self, client: Redis, trips: TripObserver = _UNOBSERVED) -> None:
        self._client = client
        self._trips = trips
        self._gathering = Gathering(self._fetch)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        password_file: Path | None = None,
        connect_timeout: timedelta = _CONNECT_TIMEOUT,
        reply_timeout: timedelta = _REPLY_TIMEOUT,
        trips: TripObserver = _UNOBSERVED,
    ) -> Self:
        """Prepare to connect; the first command does it.

        Raises:
            ValueError: If the URL is not one of ours: see `RedisAddress`.
        """
        address = RedisAddress.parse(url, password_file=password_file)
        pool = BlockingConnectionPool(
            connection_class=SSLConnection if address.tls else Connection,
            max_connections=_CONNECTIONS,
            timeout=reply_timeout.total_seconds(),
            host=address.host,
            port=address.port,
            db=address.database,
            username=address.username,
            password=address.password,
            client_name="grantd",
            protocol=_RESP,
            decode_responses=False,
            socket_connect_timeout=connect_timeout.total_seconds(),
            socket_timeout=reply_timeout.total_seconds(),
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        return cls(Redis.from_pool(pool), trips)

    def get(self, key: bytes) -> "asyncio.Future[Value]":
        """Begin to read a string, together with whatever else is asked for in this turn."""
        return self._gathering.get(key)

    async def command(self, *words: bytes | str | int) -> Any:  # noqa: ANN401  (Redis answers in any shape)
        """Send a command; again if its reply is lost, so it MUST be safe to repeat.

        Raises:
            Unavailable: If it cannot be known to have been carried out.
        """
        count_step()
        return await self._persist(
            TripKind.COMMAND, lambda: self._send(*words), again_after=_REPLY_LOST
        )

    async def run(
        self, script: Script, *, keys: Sequence[bytes], arguments: Sequence[bytes | str | int] = ()
    ) -> Any:  # noqa: ANN401  (a script answers in a shape of its own)
        """Run a script; again if its reply is lost, which every script of ours allows.

        Raises:
            Unavailable: If it cannot be known to have been carried out.
        """
        rest = (len(keys), *keys, *arguments)
        count_step()

        async def step() -> Any:  # noqa: ANN401
            try:
                return await self._send("EVALSHA", script.sha, *rest)
            except NoScriptError:
                return await self._send("EVAL", script.source, *rest)

        return await self._persist(TripKind.STEP, step, again_after=_REPLY_LOST)

    async def close(self) -> None:
        """Let reads that are under way finish, and disconnect."""
        await self._gathering.close()
        await self._client.aclose()

    async def _fetch(self, keys: Sequence[bytes]) -> Sequence[Value]:
        values: Sequence[Value] = await self._persist(
            TripKind.READ, lambda: self._send("MGET", *keys), again_after=_CONNECTION_LOST
        )
        return values

    async def _send(self, *words: bytes | str | int) -> Any:  # noqa: ANN401
        return await self._client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py gives it none

    async def _persist(
        self,
        kind: TripKind,
        step: Callable[[], Awaitable[Any]],
        *,
        again_after: tuple[type[Exception], ...],
    ) -> Any:  # noqa: ANN401
        for pause in (*_PAUSES, None):
            began = perf_counter()
            try:
                answer = await step()
            except (RedisError, OSError) as error:
                self._trips.made(kind, seconds=perf_counter() - began, failed=True)
                if pause is None or not isinstance(error, again_after):
                    raise Unavailable(f"Redis: {type(error).__name__}: {error}") from error
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (no secret: it parts those who failed together)
            else:
                self._trips.made(kind, seconds=perf_counter() - began, failed=False)
                return answer
        raise AssertionError("the last pause is None")


_CONNECTION_LOST: Final = (ConnectionLost, OSError)
# A read whose reply is overdue is not repeated: its caller may do so, and would wait no longer.
_REPLY_LOST: Final = (*_CONNECTION_LOST, ReplyOverdue)
