"""Takes the connections that come to a socket."""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final

from adapters.http.tls import FAREWELL_WAIT, HANDSHAKE_WAIT

_AT_ONCE: Final = 128
_PAUSE: Final = 1.0
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_log = logging.getLogger(__name__)


class Acceptor:
    """Takes whoever waits, in every turn of the event loop.

    A server of uvloop takes one connection in a turn. Under a burst a turn is
    long, and newcomers, health checks among them, would wait as many turns as
    there are connections before them.

    Args:
        listening: It is the acceptor's from now on, and closed by it.

    Attributes:
        tls: What connections are taken with from now on; those that are there
            stay with what they have.
    """

    def __init__(
        self,
        listening: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.tls = tls
        self._listening = listening
        self._make_protocol = make_protocol
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._go_on()

    def close(self) -> None:
        """Take nobody else. Who has not got through the handshake may still do so."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    async def wait_closed(self) -> None:
        """Return at once: connections are waited for by who serves them."""

    def _go_on(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._rest(error)
                    return
                continue  # that one has left already
            connection.setblocking(False)
            task = self._loop.create_task(self._take(connection))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    def _rest(self, error: OSError) -> None:
        """Let those who wait wait on: to be told so all the time would leave no time for others."""
        _log.error("no connection can be taken: %s", error.strerror)
        self._loop.remove_reader(self._listening)
        self._pause = self._loop.call_later(_PAUSE, self._go_on)

    async def _take(self, connection: socket.socket) -> None:
        tls = self.tls
        try:
            await self._loop.connect_accepted_socket(
                self._make_protocol,
                connection,
                ssl=tls,
                ssl_handshake_timeout=HANDSHAKE_WAIT if tls is not None else None,
                ssl_shutdown_timeout=FAREWELL_WAIT if tls is not None else None,
            )
        except OSError:
            connection.close()  # its handshake has failed, which is in the log, or it has left
