"""Ways to a store that carry many writes at once, for filling it.

The stores of grantd write through them what they always write, since nothing
but the transport is another: no reply is waited for singly, nothing is
repeated, and nothing is durable before `close`. They are for empty stores that
nobody else uses.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import hiredis

from adapters.redis import scripts
from adapters.redis.scripts import Script

T = TypeVar("T")

_CHUNK = 1 << 20
_SCRIPTS = (scripts.ADD_CLIENT, scripts.OPEN_FAMILY, scripts.REVOKE)


class BulkRedis:
    """Stands for a `RedisConnection`; the commands of one turn of the loop go out together."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._outgoing: list[bytes] = []
        self._asked: deque[asyncio.Future[Any]] = deque()
        self._listening = asyncio.create_task(self._listen(reader))

    @classmethod
    async def open(cls, host: str, port: int, database: int) -> Self:
        connection = cls(*await asyncio.open_connection(host, port))
        await connection.command("SELECT", database)
        for script in _SCRIPTS:
            await connection.command("SCRIPT", "LOAD", script.source)
        return connection

    async def command(self, *words: bytes | str | int, **_: object) -> Any:  # noqa: ANN401  (Redis answers in any shape)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if not self._outgoing:
            loop.call_soon(self._send)
        self._outgoing.append(hiredis.pack_command(words))  # type: ignore[arg-type]  # any number
        self._asked.append(answer)
        return await answer

    async def run(
        self,
        script: Script,
        *,
        keys: Sequence[bytes],
        arguments: Sequence[bytes | str | int] = (),
        **_: object,
    ) -> Any:  # noqa: ANN401  (likewise)
        return await self.command("EVALSHA", script.sha, len(keys), *keys, *arguments)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
        self._listening.cancel()

    def _send(self) -> None:
        self._writer.write(b"".join(self._outgoing))
        self._outgoing.clear()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        replies = hiredis.Reader()
        while octets := await reader.read(_CHUNK):
            replies.feed(octets)
            while (reply := replies.gets()) is not False:
                answer = self._asked.popleft()
                if isinstance(reply, Exception):
                    answer.set_exception(reply)
                else:
                    answer.set_result(reply)


class BulkSqlite:
    """Stands for a `SqliteDatabase`; every step runs at once, in one transaction with all."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA cache_size = -1000000")  # KiB
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")

    async def write(
        self, step: Callable[[sqlite3.Connection], T], /, *, now: datetime | None = None
    ) -> T:
        del now  # nothing has expired
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        return step(self._connection)

    def settle(self) -> int:
        """Bring everything into the file, and return how many bytes of it are in use."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        (size,) = self._connection.execute("PRAGMA page_size").fetchone()
        used: int = (pages - free) * size
        return used

    async def close(self) -> None:
        self.settle()
        self._connection.close()
