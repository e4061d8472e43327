"""A process at an embedded store, for tests that start several, or end one.

It opens the database named first, says `ready`, waits for a line, and then
does what was named second; what was acknowledged it names line by line.
"""

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.revocations import SqliteRevocationList
from domain.errors import Unavailable
from domain.model.identifiers import TokenId

NOW = datetime(2030, 1, 1, tzinfo=UTC)

_WRITERS = 4


class SqliteProgram:
    """The process, seen from the test."""

    def __init__(self, database: Path, task: str, *arguments: object) -> None:
        command = [sys.executable, __file__, str(database), task, *map(str, arguments)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def read(self, lines: int) -> list[str]:
        assert self._process.stdout is not None
        return [self._process.stdout.readline().strip() for _ in range(lines)]

    def kill(self) -> None:
        self._process.kill()

    def finish(self) -> tuple[int, list[str]]:
        """Return the exit code and what was said and not read yet."""
        said, _ = self._process.communicate()
        return self._process.returncode, said.splitlines()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def settle() -> None:
    say("ready")
    sys.stdin.readline()


async def write(path: Path, name: str, seconds: str) -> None:
    """Write until the time is over, with a few writers at once."""
    database = SqliteDatabase.open(path)
    revocations = SqliteRevocationList(database)
    settle()
    deadline = time.monotonic() + float(seconds)

    async def writer(number: int) -> None:
        count = 0
        while time.monotonic() < deadline:
            count += 1
            token_id = f"{name}-{number}-{count}"
            await revocations.add(TokenId(token_id), until=NOW + timedelta(days=1), now=NOW)
            say(token_id)

    await asyncio.gather(*(writer(number) for number in range(_WRITERS)))
    await database.close()


async def first_start(path: Path, name: str) -> None:
    """Open when told to and write once."""
    settle()
    database = SqliteDatabase.open(path)
    until = NOW + timedelta(days=1)
    await SqliteRevocationList(database).add(TokenId(name), until=until, now=NOW)
    await database.close()
    say(name)


async def fill(path: Path, limit: str) -> None:
    """Write in batches until files may grow no more, then once again when they may."""
    database = SqliteDatabase.open(path)
    revocations = SqliteRevocationList(database)
    settle()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), hard))

    async def attempt(token_id: str) -> bool:
        try:
            await revocations.add(TokenId(token_id), until=NOW + timedelta(days=1), now=NOW)
        except Unavailable:
            return False
        say(token_id)
        return True

    batch = 0
    full = False
    while not full:
        batch += 1
        answers = await asyncio.gather(*(attempt(f"{batch}-{number}") for number in range(100)))
        full = not all(answers)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert await attempt("afterwards")
    await database.close()


if __name__ == "__main__":
    tasks: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
        "write": write,
        "first_start": first_start,
        "fill": fill,
    }
    asyncio.run(tasks[sys.argv[2]](Path(sys.argv[1]), *sys.argv[3:]))
