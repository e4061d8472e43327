"""The way from a server to its store, on which replies are late or cut in their middle."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

_HOST = "127.0.0.1"
_CHUNK = 65_536


class TroubledWay:
    """A proxy in a thread of its own, which is honest until told otherwise.

    Attributes:
        delay: How many seconds each piece takes, there and back.

        cut_share: How many of the replies break off, of all of them.
    """

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self.cut_share = 0.0
        self.port = 0
        self._store_port = port
        self._chance = random.Random(port)
        self._loop = asyncio.new_event_loop()

    @classmethod
    @contextmanager
    def open(cls, port: int) -> Iterator["TroubledWay"]:
        """Lead to the store at *port*."""
        way = cls(port)
        server = way._loop.run_until_complete(asyncio.start_server(way._accept, _HOST, 0))
        way.port = server.sockets[0].getsockname()[1]
        thread = Thread(target=way._loop.run_forever)
        thread.start()
        try:
            yield way
        finally:
            way._loop.call_soon_threadsafe(way._loop.stop)
            thread.join()
            server.close()
            way._loop.run_until_complete(_end_everything())
            way._loop.close()

    @property
    def url(self) -> str:
        return f"redis://{_HOST}:{self.port}/0"

    async def _accept(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            store, forth = await asyncio.open_connection(_HOST, self._store_port)
        except OSError:
            back.close()
            return
        carriers = {
            asyncio.create_task(self._carry(client, forth, is_reply=False)),
            asyncio.create_task(self._carry(store, back, is_reply=True)),
        }
        try:
            await asyncio.wait(carriers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for carrier in carriers:
                carrier.cancel()
            for writer in (forth, back):
                writer.close()

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_reply: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if is_reply and self._chance.random() < self.cut_share:
                    sink.write(data[: len(data) // 2])
                    return
                sink.write(data)
                await sink.drain()


async def _end_everything() -> None:
    conversations = asyncio.all_tasks() - {asyncio.current_task()}
    for conversation in conversations:
        conversation.cancel()
    await asyncio.gather(*conversations, return_exceptions=True)
