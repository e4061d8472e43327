"""A proxy before Redis that hears every command and loses replies on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import hiredis

_HOST = "127.0.0.1"
_CHUNK = 65_536
_HANDSHAKE = frozenset({b"HELLO", b"CLIENT", b"SELECT"})


class CuttingProxy:
    """Carries commands to Redis, and cuts the connection where the reply would come.

    Attributes:
        commands: Every command that came by, in order, word by word.
    """

    def __init__(self, port: int) -> None:
        self._redis_port = port
        self._port = 0
        self._doomed_word = b""
        self._doomed = 0
        self._every_other = False
        self._spare_next = False
        self._conversations: set[asyncio.Task[None]] = set()
        self.commands: list[list[bytes]] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator["CuttingProxy"]:
        """Stand before the Redis at *port*."""
        proxy = cls(port)
        server = await asyncio.start_server(proxy._accept, _HOST, 0)
        proxy._port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            for conversation in proxy._conversations:
                conversation.cancel()
            await asyncio.gather(*proxy._conversations, return_exceptions=True)
            await server.wait_closed()

    @property
    def url(self) -> str:
        return f"redis://{_HOST}:{self._port}/0"

    def lose_reply_to(self, word: str, *, times: int = 1) -> None:
        """Let the next commands that hold *word* be carried out and never answered."""
        self._doomed_word, self._doomed = word.encode(), times

    def lose_every_other_reply(self) -> None:
        """Lose the reply to each command but its repetition, if each is repeated at once."""
        self._every_other = True

    def sent(self, *names: str) -> list[list[bytes]]:
        """Return the commands of those names that came by."""
        return [command for command in self.commands if command[0].decode() in names]

    async def _accept(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        conversation = asyncio.current_task()
        assert conversation is not None
        self._conversations.add(conversation)
        redis, forth = await asyncio.open_connection(_HOST, self._redis_port)
        lost = asyncio.Event()
        replies = asyncio.create_task(self._carry_replies(redis, back, lost))
        try:
            await self._carry_commands(client, forth, lost)
        except asyncio.CancelledError:
            pass  # the test is over; a stream server would report it as a failure
        finally:
            replies.cancel()
            for writer in (forth, back):
                writer.close()
            for writer in (forth, back):
                with suppress(OSError):
                    await writer.wait_closed()
            self._conversations.discard(conversation)

    async def _carry_commands(
        self, client: asyncio.StreamReader, forth: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        parser = hiredis.Reader()
        while data := await client.read(_CHUNK):
            parser.feed(data)
            while command := parser.gets():
                self.commands.append(command)
                if self._is_doomed(command):
                    lost.set()
            forth.write(data)

    def _is_doomed(self, command: list[bytes]) -> bool:
        if self._every_other and command[0] not in _HANDSHAKE:
            self._spare_next = not self._spare_next
            return self._spare_next
        if self._doomed and self._doomed_word in command:
            self._doomed -= 1
            return True
        return False

    async def _carry_replies(
        self, redis: asyncio.StreamReader, back: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        while data := await redis.read(_CHUNK):
            if lost.is_set():
                break
            back.write(data)
        back.close()
