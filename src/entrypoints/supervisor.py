"""The parent of all workers (D10). It serves nothing but their metrics, and imports no server.

It starts one process per protocol and worker, prepares the store while they
import what they need, and hands them their settings then. It restarts one that
dies or hangs, rotates signing keys that are due, and hands on settings that
were loaded anew (SIGHUP) and the signal to stop.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog

from adapters.origin import BY_ITSELF, bind_origin
from adapters.system.service_manager import READY, STOPPING, notify
from adapters.telemetry.logging import configure_logging
from entrypoints.admin_listener import admin_listener, counted
from entrypoints.cores import usable_cores
from entrypoints.meters import note_death
from entrypoints.open_files import FEW_FILES, make_room
from entrypoints.ports import claim
from entrypoints.quick_imports import NOT_TO_SERVE, importing_quickly
from entrypoints.refusal import RefusedToStart
from entrypoints.reloading import LoadSettings, reload
from entrypoints.restarts import Restarts
from entrypoints.serving import Serving
from entrypoints.setting_forms import AUTO, STDOUT
from entrypoints.setting_problems import InvalidSettings
from entrypoints.settings import Settings
from entrypoints.start_signals import heed_from_now_on
from entrypoints.worker_process import STORE_AWAY, WorkerProcess

log = structlog.get_logger()

HTTP_WORKER: Final = "entrypoints.http_worker"
GRPC_WORKER: Final = "entrypoints.grpc_worker"

ONE_SIGNAL: Final = timedelta(seconds=1)  # what a process and its group get counts once
KILL_AFTER: Final = timedelta(seconds=5)  # beyond what a worker was given to drain


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
    if (room := make_room()) < FEW_FILES:
        log.warning("few connections fit the limit of open files", limit=room)
    workers = usable_cores() if settings.workers == AUTO else settings.workers
    async with AsyncExitStack() as while_serving:
        for address in (settings.http, settings.grpc):
            if address is not None:
                while_serving.enter_context(claim(address))
        directory = while_serving.enter_context(counted(settings.admin))
        supervisor = _Supervisor(settings, workers=workers)
        await while_serving.enter_async_context(supervisor.called_up())
        # Here and not above: workers import the core while their supervisor does.
        with importing_quickly(without=NOT_TO_SERVE):
            from entrypoints.preparation import prepare  # noqa: PLC0415
        await while_serving.enter_async_context(admin_listener(settings.admin, directory))
        serving = await prepare(settings, workers=workers)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, supervisor.stop)
        loop.add_signal_handler(signal.SIGHUP, supervisor.reload, load_again)
        heed_from_now_on()
        return await supervisor.run(lambda: on_ready(serving))


@dataclass(frozen=True, slots=True)
class _Post:
    """Where one worker after the other serves."""

    module: str
    number: int


class _Supervisor:
    """Keeps every post manned, until it is told to stop or one cannot be."""

    def __init__(self, settings: Settings, *, workers: int) -> None:
        self._settings = settings
        modules = (
            *([HTTP_WORKER] if settings.http is not None else []),
            *([GRPC_WORKER] if settings.grpc is not None else []),
        )
        self._posts = [_Post(module, number) for module in modules for number in range(workers)]
        self._called_up: dict[_Post, WorkerProcess] = {}
        self._workers: set[WorkerProcess] = set()
        # A worker's own standard output is the pipe on which it shows that it lives.
        self._lent = (os.dup(sys.stdout.fileno()),) if STDOUT in settings.audit_log else ()
        self._told_at: float | None = None
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._gave_up = False

    @asynccontextmanager
    async def called_up(self) -> AsyncIterator[None]:
        """Have the first worker of each post ready for its settings; who gets none is sent away."""
        for post in self._posts:
            self._called_up[post] = await WorkerProcess.start(post.module, lent=self._lent)
        try:
            yield
        finally:
            for worker in self._called_up.values():
                worker.kill()
                await worker.ended()

    def stop(self) -> None:
        """Let every worker drain; told a second time, end them where they are."""
        now = asyncio.get_running_loop().time()
        if self._told_at is None:
            self._told_at = now
            log.info("told to stop: draining")
        elif now - self._told_at >= ONE_SIGNAL.total_seconds():
            log.warning("told to stop again: what is in flight is cut off")
            self._hurrying.set()
        self._begin_to_stop()

    def _begin_to_stop(self) -> None:
        notify(STOPPING)
        self._stopping.set()

    def reload(self, load_again: LoadSettings) -> None:
        """Load the settings once more, and go on with what can change; all of it, or nothing."""
        from entrypoints.certificates import require_certificates  # noqa: PLC0415  (likewise)

        try:
            outcome = reload(self._settings, load_again())
            require_certificates(outcome.settings)
        except (InvalidSettings, RefusedToStart) as error:
            log.error("settings not reloaded", reasons=str(error).splitlines())  # noqa: TRY400  (it is all told)
            return
        self._settings = outcome.settings
        configure_logging(self._settings.log_format, self._settings.log_level)
        for worker in self._workers:
            worker.hand_over(self._settings)
        say = log.warning if outcome.needs_restart else log.info
        say("settings reloaded", changed=outcome.changed, needs_restart=outcome.needs_restart)

    async def run(self, on_ready: Callable[[], None]) -> int:
        # Here and not above: they bring the core along, and workers come first.
        from entrypoints.automatic_rotation import rotate_when_due  # noqa: PLC0415
        from entrypoints.inventory import take_inventory  # noqa: PLC0415

        ready = [asyncio.Event() for _ in self._posts]
        keepers = [
            asyncio.create_task(self._keep(post, up))
            for post, up in zip(self._posts, ready, strict=True)
        ]
        announce = asyncio.create_task(self._announce(ready, on_ready))
        beside = {
            asyncio.create_task(rotate_when_due(self._settings, self._stopping)),
            asyncio.create_task(take_inventory(self._settings, self._stopping)),
        }
        statuses = await asyncio.gather(*keepers)
        announce.cancel()
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        status = 0 if not self._gave_up and not any(statuses) else 1
        log.info("stopped", status=status)
        return status

    async def _announce(self, ready: list[asyncio.Event], on_ready: Callable[[], None]) -> None:
        for up in ready:
            await up.wait()
        on_ready()
        notify(READY)

    async def _keep(self, post: _Post, up: asyncio.Event) -> int:
        """Keep one post manned until told to stop; return the last exit status."""
        restarts = Restarts()
        while True:
            worker = self._called_up.pop(post, None)
            if worker is None:
                worker = await WorkerProcess.start(post.module, lent=self._lent)
            worker.hand_over(self._settings)
            self._workers.add(worker)
            served = await self._attend(post, worker, up)
            is_over = self._stopping.is_set()
            status = await (self._finish(worker) if is_over else worker.ended())
            self._workers.discard(worker)
            if is_over:
                return status
            facts = {"worker": post.module, "number": post.number, "status": status}
            log.error("worker died", **facts)
            excused = status == STORE_AWAY
            await asyncio.to_thread(note_death, worker.pid, excused=excused)
            pause = restarts.pause(served=served, excused=excused)
            if pause is None:
                log.critical("this worker dies again and again; giving up", **facts)
                self._gave_up = True
                self._begin_to_stop()
                return status
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                return 0

    async def _attend(self, post: _Post, worker: WorkerProcess, up: asyncio.Event) -> float:
        """Stay with a worker until it ends or all are to stop; return how long it served.

        One that does not become ready, or hangs, is killed.
        """
        facts = {"worker": post.module, "number": post.number, "pid": worker.pid}
        is_ready = await self._while_alive(worker, worker.ready())
        if not is_ready:
            if is_ready is False and not worker.has_ended:
                log.error("worker is not ready in time", **facts)
                worker.kill()
            return 0.0
        log.info("worker ready", **facts)
        up.set()
        loop = asyncio.get_running_loop()
        since = loop.time()
        if await self._while_alive(worker, worker.silent()):
            log.error("worker hangs", **facts)
            worker.kill()
        return loop.time() - since

    async def _while_alive(
        self, worker: WorkerProcess, sign: Coroutine[Any, Any, bool]
    ) -> bool | None:
        """Wait for a sign of a worker; None if it ends, or all are to stop, before."""
        signed = asyncio.create_task(sign)
        others = (
            asyncio.create_task(worker.ended()),
            asyncio.create_task(self._stopping.wait()),
        )
        await asyncio.wait({signed, *others}, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        if signed.done():
            return signed.result()
        signed.cancel()
        return None

    async def _finish(self, worker: WorkerProcess) -> int:
        """Let a worker drain, and end it if it takes longer than it was given."""
        worker.ask_to_stop()
        ended = asyncio.create_task(worker.ended())
        hurried = asyncio.create_task(self._hurrying.wait())
        within = self._settings.drain_delay + self._settings.shutdown_timeout + KILL_AFTER
        await asyncio.wait(
            {ended, hurried},
            timeout=within.total_seconds(),
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurried.cancel()
        if not ended.done():
            log.error("worker ended before it had drained", pid=worker.pid)
            worker.kill()
        status = await ended
        return 0 if status == -signal.SIGTERM else status  # it had not begun to serve
