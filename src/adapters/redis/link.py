"""One connection to one server."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Any, Final, Self

import hiredis
from redis.asyncio import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from adapters.redis.address import Endpoint
from adapters.redis.failures import NotAPrimary, ReplyOverdue

Word = bytes | str | int
Command = tuple[Word, ...]
Reply = Any  # Redis answers in any shape; a refusal among several replies is an exception

_RESP: Final = 3
_GREETING_HOLDS_FOR: Final = 1.0  # a primary may be made a replica and keep its connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """How to reach the servers of one kind, and what they have to be.

    Attributes:
        greeting: What a server says of itself in its reply to HELLO.

        connect_timeout: How many seconds connecting may take, the introductions included.

        reply_timeout: How many seconds a reply may take.
    """

    greeting: Mapping[bytes, bytes]
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    connect_timeout: float
    reply_timeout: float


class Link:
    """Commands go out in one packet, and their replies come back in order.

    From time to time the packet has the server say again what it is.
    """

    def __init__(self, connection: "_Connection", endpoint: Endpoint, wiring: Wiring) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._wiring = wiring
        self._greeted_at = -inf

    @classmethod
    async def open(cls, endpoint: Endpoint, wiring: Wiring) -> Self:
        """Connect, introduce ourselves, and see that the server is what it has to be.

        Raises:
            RedisError: If one of these fails.
        """
        connection = _Connection(
            tls=wiring.tls,
            host=endpoint.host,
            port=endpoint.port,
            db=wiring.database,
            username=wiring.username,
            password=wiring.password,
            client_name="grantd",
            driver_info=None,
            protocol=_RESP,
            decode_responses=False,
            # Ours are around the whole: see below.
            socket_connect_timeout=None,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        link = cls(connection, endpoint, wiring)
        try:
            async with asyncio.timeout(wiring.connect_timeout):
                await connection.connect()  # type: ignore[no-untyped-call]  # redis-py gives it none
                await link._converse([])
        except BaseException as failure:
            await link.cut()
            if isinstance(failure, TimeoutError):
                raise ReplyOverdue(f"no connection to {endpoint} in time") from failure
            raise
        return link

    async def exchange(self, commands: Sequence[Command], *, within: float) -> list[Reply]:
        """Send commands and return their replies, refusals among them. Afterwards cut or reuse it.

        Raises:
            RedisError: If replies are lost or overdue; then the link is good for nothing more.
        """
        try:
            async with asyncio.timeout(within):
                return await self._converse(commands)
        except TimeoutError:
            raise ReplyOverdue(f"no reply within {within:g} s") from None

    async def cut(self) -> None:
        """Disconnect, without a word."""
        await self._connection.disconnect()

    async def _converse(self, commands: Sequence[Command]) -> list[Reply]:
        packet = b"".join(map(_pack, commands))
        now = monotonic()
        greets = now > self._greeted_at + _GREETING_HOLDS_FOR
        await self._connection.send_packed_command(
            _HELLO + packet if greets else packet, check_health=False
        )
        if greets:
            self._require(await self._reply())
            self._greeted_at = now
        return [await self._reply() for _ in commands]

    def _require(self, greeting: Reply) -> None:
        """Refuse a server that is not, or not any more, what it has to be."""
        if isinstance(greeting, Exception):
            raise greeting
        for name, value in self._wiring.greeting.items():
            told = greeting.get(name, b"unknown")
            if told != value:
                raise NotAPrimary(
                    f"{self._endpoint} says its {name.decode()} is {told.decode()},"
                    f" and not {value.decode()}"
                )

    async def _reply(self) -> Reply:
        try:
            return await self._connection.read_response()
        except ResponseError as refusal:
            return refusal


_pack: Final[Callable[[Command], bytes]] = hiredis.pack_command  # type: ignore[assignment]  # its stub has tuples of one word


_HELLO: Final = _pack(("HELLO",))  # the server answers with what it is


class _Connection(Connection):
    """The library's, with a TLS context that is made once for all."""

    def __init__(self, *, tls: ssl.SSLContext | None, **arguments: Any) -> None:  # noqa: ANN401  (the library's)
        super().__init__(**arguments)
        self._tls = tls

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {"host": self.host, "port": self.port, "ssl": self._tls}

    async def disconnect(self, *_: object, **__: object) -> None:
        """Let go of the socket at once: to close TLS is a conversation, and may last."""
        if self._writer is not None:
            self._writer.transport.abort()
        await super().disconnect(nowait=True)
