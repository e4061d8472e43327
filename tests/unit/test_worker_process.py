"""Whether a worker still shows that it lives."""

import asyncio
import time
from typing import cast

import pytest

from entrypoints import worker_process
from entrypoints.worker_process import WorkerProcess

A_SILENCE = 0.02


class StagedProcess:
    """Says and ends as a test wants it."""

    stdin = None

    def __init__(self) -> None:
        self.stdout = asyncio.StreamReader()
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        await self._ended.wait()
        return 0

    def end(self) -> None:
        self.stdout.feed_eof()
        self._ended.set()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "_A_SILENCE", A_SILENCE)


@pytest.fixture
async def process() -> StagedProcess:
    return StagedProcess()


@pytest.fixture
async def worker(process: StagedProcess) -> WorkerProcess:
    return WorkerProcess(cast("asyncio.subprocess.Process", process))


async def test_a_worker_that_says_nothing_for_long_is_silent(
    worker: WorkerProcess, process: StagedProcess
) -> None:
    assert await asyncio.wait_for(worker.silent(), 10)
    process.end()


async def test_who_has_slept_takes_nobody_for_silent(
    worker: WorkerProcess, process: StagedProcess
) -> None:
    """What was said meanwhile is read after the time for it is over."""
    silent = asyncio.create_task(worker.silent())
    await asyncio.sleep(0)

    for _ in range(5):
        time.sleep(5 * A_SILENCE)  # noqa: ASYNC251  (all of this process sleeps)
        asyncio.get_running_loop().call_soon(process.stdout.feed_data, b"alive\n")
        for _ in range(5):
            await asyncio.sleep(0)

    assert not silent.done()
    process.end()
    assert await asyncio.wait_for(silent, 10) is False
