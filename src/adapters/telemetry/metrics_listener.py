"""`GET /metrics` over HTTP, and nothing else, for one reader at a time and then."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_READ_WITHIN: Final = 5.0
_LONGEST_HEAD: Final = 8_192
_READERS: Final = 8

_NOT_FOUND: Final = b"There is nothing but GET /metrics.\n"


class MetricsListener:
    """Answers one request a connection.

    Args:
        read: Returns the metrics; it is called in a thread.
    """

    def __init__(self, read: Callable[[], bytes], *, content_type: str) -> None:
        self._read = read
        self._content_type = content_type
        self._readers = asyncio.Semaphore(_READERS)
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: If that address cannot be had.
        """
        self._server = await asyncio.start_server(self._serve, host, port, limit=_LONGEST_HEAD)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError)
        try:
            with suppress(*gone):
                async with self._readers, asyncio.timeout(_READ_WITHIN):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await self._answer(head))
                    await writer.drain()
        finally:
            writer.close()

    async def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if (method, path) != (b"GET", b"/metrics"):
            return _reply("404 Not Found", "text/plain; charset=utf-8", _NOT_FOUND)
        return _reply("200 OK", self._content_type, await asyncio.to_thread(self._read))


def _reply(status: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode("ascii") + body
