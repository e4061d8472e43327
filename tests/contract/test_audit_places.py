"""Where audit lines go: behind those that are there, each one whole and once."""

import asyncio
import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from adapters.audit_lines import AuditPlace, Entry
from adapters.redis import keys
from adapters.redis.audit_trail import RedisAuditStream
from adapters.redis.connection import RedisConnection
from adapters.telemetry.audit_places import FilePlace
from domain.errors import Unavailable
from support.cutting_proxy import CuttingProxy
from support.redis_server import RedisServer

WRITER = """
import asyncio, sys
from pathlib import Path
from adapters.telemetry.audit_places import FilePlace
place, who = FilePlace(Path(sys.argv[1])), sys.argv[2]
for number in range(2_000):
    asyncio.run(place.append([{"who": who, "number": str(number), "filling": "x" * 500}]))
"""


def entry(number: int) -> Entry:
    return {"event": "token.issued", "number": str(number)}


@dataclass(frozen=True)
class Shelf:
    """A place, opened as often as wanted, and what stands there."""

    open: Callable[[], AuditPlace]
    read: Callable[[], Awaitable[Sequence[Entry]]]


@pytest.fixture(params=["file", "redis"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    if request.param == "file":
        path = tmp_path / "audit.jsonl"

        async def read_file() -> Sequence[Entry]:
            return [json.loads(line) for line in path.read_text().splitlines()]

        yield Shelf(open=lambda: FilePlace(path), read=read_file)
        return
    url = request.getfixturevalue("redis_url")
    async with AsyncExitStack() as stack:

        def connect() -> AuditPlace:
            connection = RedisConnection.from_url(url)
            stack.push_async_callback(connection.close)
            return RedisAuditStream(connection, length=1_000_000)

        client = Redis.from_url(url, decode_responses=True)
        stack.push_async_callback(client.aclose)

        async def read_stream() -> Sequence[Entry]:
            found: Any = await client.xrange(keys.AUDIT_EVENTS)
            return [fields for _, fields in found]

        yield Shelf(open=connect, read=read_stream)


async def test_what_is_appended_stands_behind_what_was_there(shelf: Shelf) -> None:
    """In the order of the calls and of each call, also by whoever opens it anew."""
    first, second = shelf.open(), shelf.open()
    await first.append([entry(0), entry(1)])
    await second.append([entry(2)])
    await first.append([entry(3)])

    assert await shelf.read() == [entry(number) for number in range(4)]


async def test_of_many_writers_at_once_every_line_is_there_once(shelf: Shelf) -> None:
    """And those of one writer stay in their order."""
    writers = [shelf.open() for _ in range(4)]

    async def write(place: AuditPlace, first: int) -> None:
        for number in range(first, first + 50):
            await place.append([entry(number)])

    await asyncio.gather(*(write(place, 100 * n) for n, place in enumerate(writers)))

    numbers = [int(found["number"]) for found in await shelf.read()]
    assert len(numbers) == 200
    for n in range(4):
        own = [number for number in numbers if number // 100 == n]
        assert own == list(range(100 * n, 100 * n + 50))


class TestFile:
    def test_lines_of_four_processes_never_mix(self, tmp_path: Path) -> None:
        """Each is one write to a file opened for appending."""
        path = tmp_path / "audit.jsonl"
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abcd"
        ]
        assert [writer.wait(60) for writer in writers] == [0] * 4

        found = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(found) == 8_000
        for name in "abcd":
            numbers = [int(line["number"]) for line in found if line["who"] == name]
            assert numbers == list(range(2_000))

    async def test_it_is_for_the_eyes_of_its_owner(self, tmp_path: Path) -> None:
        path = tmp_path / "audit.jsonl"
        await FilePlace(path).append([entry(0)])

        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async def test_a_file_that_was_moved_away_is_made_anew(self, tmp_path: Path) -> None:
        """Nobody has to be told of logrotate, and no line is lost to it."""
        path, moved = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
        place = FilePlace(path)
        await place.append([entry(0)])
        path.rename(moved)
        await place.append([entry(1)])
        path.unlink()
        path.touch()
        await place.append([entry(2)])

        assert json.loads(moved.read_text()) == entry(0)
        assert json.loads(path.read_text()) == entry(2)

    async def test_a_file_that_was_emptied_is_begun_anew(self, tmp_path: Path) -> None:
        """As `copytruncate` of logrotate does it."""
        path = tmp_path / "audit.jsonl"
        place = FilePlace(path)
        await place.append([entry(0)])
        path.write_text("")
        await place.append([entry(1)])

        assert path.read_text() == '{"event":"token.issued","number":"1"}\n'

    async def test_a_full_disk_is_an_error(self) -> None:
        with pytest.raises(OSError, match="No space left"):
            await FilePlace(Path("/dev/full")).append([entry(0)])

    @pytest.mark.parametrize(
        "who", ["who began it", "who met the full disk too", "the next process"]
    )
    async def test_after_half_a_line_the_next_one_begins_anew(
        self, who: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk takes what it has room for; what comes later can still be read."""
        path = tmp_path / "audit.jsonl"
        place, other = FilePlace(path), FilePlace(path)
        await other.append([entry(0)])
        write = os.write

        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("os.write", lambda where, line: write(where, line[:10]))
        with pytest.raises(OSError, match="10 of 38 bytes"):
            await place.append([entry(0)])
        monkeypatch.setattr("os.write", refuse)
        with pytest.raises(OSError, match="No space left"):
            await other.append([entry(0)])
        monkeypatch.undo()
        goes_on = {"who began it": place, "who met the full disk too": other}.get(who) or FilePlace(
            path
        )
        await goes_on.append([entry(1)])
        await goes_on.append([entry(2)])

        whole, begun, *later = path.read_text().splitlines()
        assert begun == '{"event":"'
        assert [json.loads(line) for line in (whole, *later)] == [entry(n) for n in range(3)]


class TestRedis:
    async def test_the_stream_keeps_as_many_as_it_is_told_or_a_little_more(
        self, redis_url: str
    ) -> None:
        """Redis drops whole nodes of the stream, which is cheap."""
        connection = RedisConnection.from_url(redis_url)
        place = RedisAuditStream(connection, length=100)
        for first in range(0, 1_000, 200):
            await place.append([entry(number) for number in range(first, first + 200)])

        kept = await connection.command("XRANGE", keys.AUDIT_EVENTS, "-", "+")
        await connection.close()

        assert 100 <= len(kept) < 300

    async def test_a_lost_reply_leaves_no_event_twice(self, redis_server: RedisServer) -> None:
        redis_server.flush()
        async with CuttingProxy.open(redis_server.port) as proxy:
            connection = RedisConnection.from_url(proxy.url)
            proxy.lose_reply_to("token.issued", times=1)
            await RedisAuditStream(connection, length=100).append([entry(0), entry(1)])

            kept = await connection.command("XLEN", keys.AUDIT_EVENTS)
            await connection.close()

        assert kept == 2

    async def test_a_redis_that_is_gone_is_unavailable(self) -> None:
        connection = RedisConnection.from_url("redis://127.0.0.1:1/0")
        with pytest.raises(Unavailable):
            await RedisAuditStream(connection, length=100).append([entry(0)])
        await connection.close()
