"""What every worker process does, whichever protocol it serves (D10).

A worker reads its settings from standard input, says `ready` on standard
output once it accepts connections, and drains when it gets SIGTERM or when
standard input ends, which means that its supervisor is gone. Its one argument,
if it has one, is the descriptor that is its supervisor's standard output.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Protocol, TextIO

from adapters.origin import BY_ITSELF, bind_origin
from adapters.telemetry.logging import configure_logging
from entrypoints.admin_listener import counts
from entrypoints.container import Core, open_core
from entrypoints.settings import Settings

READY = b"ready\n"

_BACKLOG = 2_048


class Listener(Protocol):
    """One protocol's server."""

    async def start(self) -> None:
        """Return as soon as connections are accepted."""
        ...

    async def drain(self) -> None:
        """Say that no more is wanted, finish what is in flight in the time set for it, and stop."""
        ...

    async def stopped(self) -> None:
        """Return when the server has ended, asked or not."""
        ...


def run(
    listen: Callable[[Settings, Core], Listener],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Serve until told to stop; exits with status 1 if the server ends by itself."""
    settings = Settings.model_validate_json(sys.stdin.buffer.readline())
    configure_logging(settings.log_format, settings.log_level)
    with bind_origin(BY_ITSELF), asyncio.Runner(loop_factory=loop_factory) as runner:
        sys.exit(runner.run(_serve(settings, listen)))


async def _serve(settings: Settings, listen: Callable[[Settings, Core], Listener]) -> int:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told_to_stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the supervisor hears it too, and decides
    await _watch_supervisor(told_to_stop)
    async with open_core(settings, counts=counts(), stdout=_lent_stdout()) as core:
        listener = listen(settings, core)
        await listener.start()
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        stop = asyncio.create_task(told_to_stop.wait())
        stopped = asyncio.create_task(listener.stopped())
        await asyncio.wait({stop, stopped}, return_when=asyncio.FIRST_COMPLETED)
        asked = told_to_stop.is_set()
        if asked:
            await listener.drain()
        stop.cancel()
        await stopped
    return 0 if asked else 1


def _lent_stdout() -> TextIO | None:
    return os.fdopen(int(sys.argv[1]), "w", encoding="ascii") if sys.argv[1:] else None


async def _watch_supervisor(gone: asyncio.Event) -> None:
    class Lifeline(asyncio.Protocol):
        def connection_lost(self, _exc: Exception | None) -> None:
            gone.set()

    await asyncio.get_running_loop().connect_read_pipe(Lifeline, sys.stdin.buffer)


def shared_socket(host: str, port: int) -> socket.socket:
    """Bind a listening socket that other workers of the same protocol may bind too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setblocking(False)
    bound.bind((host, port))
    bound.listen(_BACKLOG)
    return bound
