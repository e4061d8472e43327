"""Audit lines on a stream and in a file. Each is one write."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from adapters.audit_lines import AuditPlace, Entry, json_line, readable_line
from adapters.telemetry.log_format import LogFormat, is_for_people

_OWNER_ONLY = 0o600


class StreamPlace:
    """Standard error or standard output, past a buffer that would keep what failed.

    Args:
        log_format: "auto" is for people if *stream* is a terminal.
    """

    def __init__(self, name: str, stream: TextIO, *, log_format: LogFormat = "json") -> None:
        self.name = name
        self._stream = stream
        self._written = readable_line if is_for_people(log_format, stream) else json_line

    async def append(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            line = self._written(entry).encode("ascii")
            _require_whole(os.write(self._stream.fileno(), line), line)

    async def close(self) -> None:
        """Leave the stream to whoever opened it."""


class FilePlace:
    """A file that any number of processes append to, and that may be moved away meanwhile.

    Who moves it (logrotate) finds every line in the old file or in the new
    one: which file the path names is looked at before each line.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._descriptor: int | None = None
        self._opened: tuple[int, int] | None = None
        self._begun = b""

    async def append(self, entries: Sequence[Entry], /) -> None:
        for entry in entries:
            self._append(json_line(entry).encode("ascii"))

    async def close(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._opened = None, None

    def _append(self, line: bytes) -> None:
        descriptor = self._current()
        whole = self._begun + line
        written = os.write(descriptor, whole)
        # A disk that fills up takes a part; what comes next begins on a line of its own.
        self._begun = b"" if written == len(whole) else b"\n"
        _require_whole(written, whole)

    def _current(self) -> int:
        """Return a descriptor of the file that the path names now."""
        try:
            found = self._path.stat()
            named = (found.st_dev, found.st_ino)
        except FileNotFoundError:
            named = None
        if self._descriptor is not None and named == self._opened:
            return self._descriptor
        self._close()
        self._begun = b""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        self._descriptor = os.open(self._path, flags, _OWNER_ONLY)
        opened = os.fstat(self._descriptor)
        self._opened = (opened.st_dev, opened.st_ino)
        return self._descriptor


def _require_whole(written: int, line: bytes) -> None:
    if written < len(line):
        raise OSError(f"{written} of {len(line)} bytes were written")


_: tuple[type[AuditPlace], ...] = (StreamPlace, FilePlace)
