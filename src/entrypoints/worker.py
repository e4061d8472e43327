"""What every worker process does, whichever protocol it serves (D10).

A worker reads its settings from standard input, one line of JSON, says `ready`
on standard output once it accepts connections, and from then on regularly that
it lives. Each further line is settings to go on with; the end of standard
input means that its supervisor is gone. Then, or when it gets SIGTERM, it
drains. Its one argument, if it has one, is the descriptor that is its
supervisor's standard output.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from io import RawIOBase
from typing import Final, Protocol, TextIO, TypeAlias

import structlog

from adapters.forwarded_addresses import ProxyHeader
from adapters.origin import BY_ITSELF, bind_origin
from adapters.readiness import Readiness
from adapters.source_addresses import ProxyTrust
from adapters.telemetry.logging import configure_logging
from adapters.telemetry.moments import a_moment_later
from domain.errors import Unavailable
from entrypoints.container import Core, open_core
from entrypoints.meters import meters
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings
from entrypoints.tracing import open_tracing
from entrypoints.worker_process import BEAT_EVERY, STORE_AWAY

log = structlog.get_logger()

_READY: Final = b"ready\n"
_BEAT: Final = b"alive\n"

_LONGEST_LINE: Final = 16 * 1024 * 1024


class Listener(Protocol):
    """One protocol's server."""

    async def start(self) -> None:
        """Return as soon as connections are accepted."""
        ...

    def reload(self, settings: Settings) -> None:
        """Go on with what `entrypoints.reloading` lets change; calls in flight do not notice.

        Raises:
            RefusedToStart: If a file that they name does not do. Nothing has
                changed then.
        """
        ...

    async def drain(self) -> None:
        """Take no more, finish what is in flight in the time set for it, and stop."""
        ...

    async def stopped(self) -> None:
        """Return when the server has ended, asked or not."""
        ...


Listen: TypeAlias = Callable[[Settings, Core, Readiness], Listener]
"""Makes the server of one protocol, which tells by its health checks whether it is ready."""


def run(
    listen: Listen,
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Serve until told to stop; exits with status 1 if the server ends by itself."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal's goes to all; our supervisor acts
    # A buffer would swallow lines that follow.
    supervisor = os.fdopen(sys.stdin.fileno(), "rb", buffering=0)
    meters()  # it takes long to import what counts, and the settings are not there yet
    line = supervisor.readline()
    if not line:  # the supervisor has refused to start
        sys.exit(0)
    settings = Settings.model_validate_json(line)
    configure_logging(settings.log_format, settings.log_level)
    try:
        with bind_origin(BY_ITSELF), asyncio.Runner(loop_factory=loop_factory) as runner:
            sys.exit(runner.run(_serve_and_tell(settings, listen, supervisor)))
    except RefusedToStart as error:
        log.critical("worker refused to start", reason=str(error))
        sys.exit(1)
    except Unavailable as error:
        log.error("worker cannot start without the store", reason=error.detail)  # noqa: TRY400  (it is all told)
        sys.exit(STORE_AWAY)


async def _serve_and_tell(settings: Settings, listen: Listen, supervisor: RawIOBase) -> int:
    try:
        return await _serve(settings, listen, supervisor)
    finally:
        await a_moment_later()  # by then the last request is in the log and in the metrics


async def _serve(settings: Settings, listen: Listen, supervisor: RawIOBase) -> int:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told_to_stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the supervisor hears it too, and decides
    async with (
        open_tracing(settings) as tracing,
        open_core(
            settings,
            counts=meters().audit,
            trips=meters().trips,
            stdout=_lent_stdout(),
            tracing=tracing,
        ) as core,
    ):
        readiness = Readiness(core.probes)
        listener = listen(settings, core, readiness)
        await listener.start()
        gc.freeze()  # the garbage of a request is not looked for in what the start has made
        sys.stdout.buffer.write(_READY)
        sys.stdout.buffer.flush()
        beating = asyncio.create_task(_beat())
        stop = asyncio.create_task(told_to_stop.wait())
        left_alone = asyncio.create_task(_follow(supervisor, listener))
        stopped = asyncio.create_task(listener.stopped())
        await asyncio.wait({stop, left_alone, stopped}, return_when=asyncio.FIRST_COMPLETED)
        asked = stop.done() or left_alone.done()
        left_alone.cancel()
        if asked:
            readiness.drain()
            if stop.done():  # who was left alone keeps the port from a successor
                await asyncio.wait({stopped}, timeout=settings.drain_delay.total_seconds())
            await listener.drain()
        stop.cancel()
        await stopped
        beating.cancel()
    return 0 if asked else 1


async def _beat() -> None:
    """Show the supervisor that the event loop turns."""
    pipe = sys.stdout.fileno()
    os.set_blocking(pipe, False)  # a supervisor that is stopped must not stop us
    while True:
        with suppress(OSError):
            os.write(pipe, _BEAT)
        await asyncio.sleep(BEAT_EVERY)


def _lent_stdout() -> TextIO | None:
    return os.fdopen(int(sys.argv[1]), "w", encoding="ascii") if sys.argv[1:] else None


async def _follow(supervisor: RawIOBase, listener: Listener) -> None:
    """Take over the settings that the supervisor hands on, and return when it is gone."""
    lines = asyncio.StreamReader(_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), supervisor
    )
    while line := await lines.readline():
        settings = Settings.model_validate_json(line)
        try:
            listener.reload(settings)
        except RefusedToStart as error:
            log.error("settings not reloaded", reason=str(error))  # noqa: TRY400  (it is all told)
        except Exception:  # a fault in there must not end the service
            log.exception("settings not reloaded")
        else:
            configure_logging(settings.log_format, settings.log_level)


def proxy_trust(settings: Settings) -> ProxyTrust:
    return ProxyTrust(settings.trusted_proxies, ProxyHeader(settings.proxy_header))
