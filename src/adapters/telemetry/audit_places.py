"""Audit lines on a stream and in a file. Each is one write."""

import asyncio
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from adapters.audit_lines import Entry, NearPlace, json_line, readable_line
from adapters.telemetry.log_format import LogFormat, is_for_people
from adapters.telemetry.readers import has_room

_OWNER_ONLY: Final = 0o600
_LONGER_THAN_A_WRITE: Final = 0.01
_BETWEEN_LOOKS: Final = 0.01
_LOOKS_FOR_A_READER: Final = 50


class StreamPlace:
    """Standard error or standard output, past a buffer that would keep what failed.

    Args:
        log_format: "auto" is for people if *stream* is a terminal.
    """

    def __init__(self, name: str, stream: TextIO, *, log_format: LogFormat = "json") -> None:
        self.name = name
        self._stream = stream
        self._written = readable_line if is_for_people(log_format, stream) else json_line
        self._is_read = True

    def put(self, entry: Entry, /) -> bool:
        if not has_room(self._stream.fileno()):
            return False
        self._write(entry)
        return True

    async def append(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            await self._require_reader()
            self._write(entry)

    def _write(self, entry: Entry) -> None:
        line = self._written(entry)
        _require_whole(os.write(self._stream.fileno(), line), line)

    async def _require_reader(self) -> None:
        """Wait for one who pauses, but not again before he goes on."""
        descriptor = self._stream.fileno()
        looks = _LOOKS_FOR_A_READER if self._is_read else 1
        for _ in range(looks):
            if has_room(descriptor):
                self._is_read = True
                return
            await asyncio.sleep(_BETWEEN_LOOKS)
        self._is_read = False
        raise OSError(errno.EAGAIN, "nobody reads it")

    async def close(self) -> None:
        """Leave the stream to whoever opened it."""


class FilePlace:
    """A file that any number of processes append to, and that may be moved away meanwhile.

    Who moves it (logrotate) finds every line in the old file or in the new
    one: which file the path names is looked at in each turn of the event loop,
    before its first line. What a request does that came after the move is in the new one.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._descriptor: int | None = None
        self._opened: tuple[int, int] | None = None
        self._ends_well = False
        self._looked_in_this_turn = False

    def put(self, entry: Entry, /) -> bool:
        descriptor = self._descriptor
        if descriptor is None or not self._looked_in_this_turn:
            descriptor = self._current()
            self._looked_in_this_turn = True
            asyncio.get_running_loop().call_soon(self._end_turn)
        if not self._ends_well:
            return False
        self._write(descriptor, json_line(entry))
        return True

    async def append(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            line = json_line(entry)
            descriptor = self._current()
            if not self._ends_well and await _ends_in_half_a_line(descriptor):
                line = b"\n" + line
            self._write(descriptor, line)

    def _write(self, descriptor: int, line: bytes) -> None:
        self._ends_well = False
        _require_whole(os.write(descriptor, line), line)
        self._ends_well = True

    async def close(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._opened = None, None

    def _end_turn(self) -> None:
        self._looked_in_this_turn = False

    def _current(self) -> int:
        """Return a descriptor of the file that the path names now."""
        try:
            found = os.stat(self.name)  # noqa: PTH116  (a path object takes as long again)
            named = (found.st_dev, found.st_ino)
        except FileNotFoundError:
            named = None
        if self._descriptor is not None and named == self._opened:
            return self._descriptor
        self._close()
        self._ends_well = False
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        self._descriptor = os.open(self.name, flags, _OWNER_ONLY)
        opened = os.fstat(self._descriptor)
        self._opened = (opened.st_dev, opened.st_ino)
        return self._descriptor


async def _ends_in_half_a_line(descriptor: int) -> bool:
    """Tell whether somebody met a full disk here, and is not just writing."""
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) in (b"\n", b""):
        return False
    await asyncio.sleep(_LONGER_THAN_A_WRITE)
    return os.fstat(descriptor).st_size == size


def _require_whole(written: int, line: bytes) -> None:
    if written < len(line):
        raise OSError(f"{written} of {len(line)} bytes were written")


_: tuple[type[NearPlace], ...] = (StreamPlace, FilePlace)
