"""One request and its answer, as an ASGI application sees them.

The request is whole before the application hears of it. The answer is one
start and one body, and goes out as a whole, too.
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from starlette.types import Message, Scope
from uvicorn.protocols.http.flow_control import FlowControl


class Connection(Protocol):
    """Where requests come from and answers go."""

    flow: FlowControl

    def write_answer(self, status: int, fields: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Answer the request at hand."""
        ...


class Exchange:
    """The exchange that a connection is at, or one that waits for its turn.

    Attributes:
        keep_alive: Whether another may follow.

        is_cut: Whether the connection was lost before there was an answer.

        task: What has the application answer, once it is the exchange's turn.
    """

    __slots__ = ("_body", "_connection", "_start", "is_cut", "keep_alive", "scope", "task")

    def __init__(
        self, connection: Connection, scope: Scope, body: bytes, *, keep_alive: bool
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.is_cut = False
        self.task: asyncio.Task[None]
        self._connection = connection
        self._body: bytes | None = body
        self._start: Message = {}

    async def receive(self) -> Message:
        """Return the body; whoever asks for more, or too late, hears that no more will come."""
        body, self._body = self._body, None
        if body is None or self.is_cut:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        flow = self._connection.flow
        if flow.write_paused:
            await flow.drain()
        if not self.is_cut:
            start = self._start
            self._connection.write_answer(start["status"], start["headers"], message["body"])
