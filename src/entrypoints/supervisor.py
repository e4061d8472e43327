"""The parent of all workers (D10). It serves nothing but their metrics, and imports no server.

It prepares the store, starts one process per protocol and worker, restarts
one that dies, rotates signing keys that are due, and hands on settings that
were loaded anew (SIGHUP) and the signal to stop.
"""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import structlog

from adapters.origin import BY_ITSELF, bind_origin
from adapters.system.service_manager import READY, STOPPING, notify
from adapters.telemetry.logging import configure_logging
from domain.model.identifiers import ClientId
from domain.model.keys import SigningKey
from entrypoints.admin_listener import admin_listener, meters
from entrypoints.automatic_rotation import rotate_when_due
from entrypoints.certificates import require_certificates
from entrypoints.container import Core, open_core
from entrypoints.refusal import RefusedToStart
from entrypoints.reloading import LoadSettings, reload
from entrypoints.setting_forms import AUTO, STDOUT
from entrypoints.setting_problems import InvalidSettings
from entrypoints.settings import Address, Settings

log = structlog.get_logger()

HTTP_WORKER: Final = "entrypoints.http_worker"
GRPC_WORKER: Final = "entrypoints.grpc_worker"

_START_WITHIN = timedelta(seconds=30)
KILL_AFTER: Final = timedelta(seconds=5)  # beyond what a worker was given to drain
_DEATHS_FORGIVEN = 5
_WITHIN_SECONDS = 60.0
_FIRST_PAUSE = 0.1
_CLIENTS_LOOKED_AT = 100  # for one whose token can be asked for in a line
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is being served, for whoever started it.

    Attributes:
        active_key: The id and algorithm of the key that signs by default.

        a_client: One that can ask for a token by HTTP Basic; None if none was found.
    """

    issuer: str
    http: str | None
    grpc: str | None
    store: str
    active_key: str
    a_client: ClientId | None


def serve(
    settings: Settings, *, load_again: LoadSettings, on_ready: Callable[[Serving], None]
) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status.

    Args:
        load_again: What SIGHUP calls.

    Raises:
        RefusedToStart: If an address is taken, the keys cannot be opened, or
            none signs by the algorithm wanted.
        Unavailable: If the store is down.
    """
    with bind_origin(BY_ITSELF):
        return asyncio.run(_serve(settings, load_again, on_ready))


async def _serve(
    settings: Settings, load_again: LoadSettings, on_ready: Callable[[Serving], None]
) -> int:
    for address in (settings.http, settings.grpc, settings.admin):
        if address is not None:
            _require_free(address)
    require_certificates(settings)
    async with admin_listener(settings.admin):
        async with open_core(settings, counts=meters().audit, stdout=sys.stdout) as core:
            for finding in core.findings:
                log.warning(finding.sentence, severity=finding.severity)
            serving = await _describe(settings, core)
        supervisor = _Supervisor(settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, supervisor.stop)
        loop.add_signal_handler(signal.SIGHUP, supervisor.reload, load_again)
        return await supervisor.run(lambda: on_ready(serving))


def _require_free(address: Address) -> None:
    """Refuse an address that somebody serves already: SO_REUSEPORT would hide it."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address.host, address.port))
        except OSError as error:
            raise RefusedToStart(f"cannot listen on {address}: {error.strerror}") from error


async def _describe(settings: Settings, core: Core) -> Serving:
    key = await _require_key(settings, core)
    clients = await core.administer_clients.page(after=None, limit=_CLIENTS_LOOKED_AT)
    able = (client.client_id for client in clients if client.may_ask_by_basic)
    return Serving(
        issuer=settings.issuer,
        http=str(settings.http) if settings.http is not None else None,
        grpc=str(settings.grpc) if settings.grpc is not None else None,
        store=settings.store,
        active_key=f"{key.key_id} ({key.algorithm})",
        a_client=next(able, None),
    )


async def _require_key(settings: Settings, core: Core) -> SigningKey:
    catalogue = await core.catalogue.read()
    algorithm = catalogue.policy.signing_algorithm or settings.signing_algorithm
    key = catalogue.keyring.signer(algorithm, now=core.clock.now())
    if key is None:
        raise RefusedToStart(
            f"there is no active {algorithm} key in this store: make one with"
            f" `grantd keys rotate --algorithm {algorithm}`, and wait until it is active or add"
            " --now"
        )
    return key


def _count(workers: int | Literal["auto"]) -> int:
    return len(os.sched_getaffinity(0)) if workers == AUTO else workers


class _Supervisor:
    """Keeps one process per post; a post is a worker's module and number."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processes: set[Process] = set()
        # A worker's own standard output is the pipe on which it says that it is ready.
        self._lent = (os.dup(sys.stdout.fileno()),) if STDOUT in settings.audit_log else ()
        self._stopping = asyncio.Event()
        self._gave_up = False
        self._deaths: deque[float] = deque(maxlen=_DEATHS_FORGIVEN)

    def stop(self) -> None:
        notify(STOPPING)
        self._stopping.set()

    def reload(self, load_again: LoadSettings) -> None:
        """Load the settings once more, and go on with what can change; all of it, or nothing."""
        try:
            outcome = reload(self._settings, load_again())
        except InvalidSettings as error:
            log.error("settings not reloaded", reasons=error.problems)  # noqa: TRY400  (it is all told)
            return
        self._settings = outcome.settings
        configure_logging(self._settings.log_format, self._settings.log_level)
        for process in self._processes:
            self._hand_over(process)
        say = log.warning if outcome.needs_restart else log.info
        say("settings reloaded", changed=outcome.changed, needs_restart=outcome.needs_restart)

    def _hand_over(self, process: Process) -> None:
        if process.stdin is not None:
            process.stdin.write(self._settings.model_dump_json().encode() + b"\n")

    async def run(self, on_ready: Callable[[], None]) -> int:
        modules = (
            *([HTTP_WORKER] if self._settings.http is not None else []),
            *([GRPC_WORKER] if self._settings.grpc is not None else []),
        )
        posts = [
            (module, number)
            for module in modules
            for number in range(_count(self._settings.workers))
        ]
        ready = [asyncio.Event() for _ in posts]
        keepers = [
            asyncio.create_task(self._keep(module, number, up))
            for (module, number), up in zip(posts, ready, strict=True)
        ]
        announce = asyncio.create_task(self._announce(ready, on_ready))
        rotation = asyncio.create_task(rotate_when_due(self._settings, self._stopping))
        statuses = await asyncio.gather(*keepers)
        announce.cancel()
        rotation.cancel()
        await asyncio.wait({rotation})
        return 0 if not self._gave_up and not any(statuses) else 1

    async def _announce(self, ready: list[asyncio.Event], on_ready: Callable[[], None]) -> None:
        for up in ready:
            await up.wait()
        on_ready()
        notify(READY)

    async def _keep(self, module: str, number: int, up: asyncio.Event) -> int:
        """Keep one post manned until told to stop; return its last exit status."""
        pause = _FIRST_PAUSE
        while True:
            process = await self._start(module)
            gone = asyncio.create_task(self._wait(process))
            if await self._became_ready(process):
                log.info("worker ready", worker=module, number=number, pid=process.pid)
                up.set()
                pause = _FIRST_PAUSE
            stop = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({gone, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if self._stopping.is_set():
                return await self._finish(process, gone)
            log.error("worker died", worker=module, number=number, status=gone.result())
            if self._dies_too_often():
                log.critical("workers die too often; giving up")
                self._gave_up = True
                self.stop()
                return 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                return 0
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _start(self, module: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *map(str, self._lent),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=self._lent,
            env={"GRPC_VERBOSITY": "ERROR", **os.environ},  # its notes are no lines of our log
        )
        self._hand_over(process)
        self._processes.add(process)
        return process

    async def _wait(self, process: Process) -> int:
        status = await process.wait()
        self._processes.discard(process)
        return status

    async def _became_ready(self, process: Process) -> bool:
        """Wait for the worker's word; one that says nothing in time is killed."""
        if process.stdout is None:
            return False
        line = asyncio.create_task(process.stdout.readline())
        stop = asyncio.create_task(self._stopping.wait())
        await asyncio.wait(
            {line, stop},
            timeout=_START_WITHIN.total_seconds(),
            return_when=asyncio.FIRST_COMPLETED,
        )
        stop.cancel()
        if line.done():
            return bool(line.result())
        line.cancel()
        if not self._stopping.is_set():
            process.kill()
        return False

    async def _finish(self, process: Process, gone: "asyncio.Task[int]") -> int:
        """Let a worker drain, and end it if it takes longer than it was given."""
        with suppress(ProcessLookupError):
            process.terminate()
        within = self._settings.drain_delay + self._settings.shutdown_timeout + KILL_AFTER
        done, _ = await asyncio.wait({gone}, timeout=within.total_seconds())
        if not done:
            log.error("worker did not drain in time", pid=process.pid)
            process.kill()
        return await gone

    def _dies_too_often(self) -> bool:
        now = asyncio.get_running_loop().time()
        often = len(self._deaths) == _DEATHS_FORGIVEN and now - self._deaths[0] < _WITHIN_SECONDS
        self._deaths.append(now)
        return often
