"""Who may write: one process at a time, in turn."""

import os
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from types import TracebackType
from typing import Self


class WriterLock:
    """Orders the writers of all processes, and the first creation, by two lock files.

    A lone `flock` is unfair: whoever releases it and wants it again at once
    is faster than those it wakes. So a writer first queues for the turn, and
    only the holder of the turn waits for the lock itself: whoever comes back
    finds the turn taken and stands behind. Both end with their process,
    however it ends.
    """

    def __init__(self, turn: int, lock: int) -> None:
        self._turn = turn
        self._lock = lock

    @classmethod
    def beside(cls, database: Path) -> Self:
        """Open, and if need be make, the lock files of a database."""
        return cls(*(_open(database, suffix) for suffix in (".turn", ".lock")))

    def __enter__(self) -> None:
        flock(self._turn, LOCK_EX)
        try:
            flock(self._lock, LOCK_EX)
        finally:
            flock(self._turn, LOCK_UN)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        flock(self._lock, LOCK_UN)

    def close(self) -> None:
        os.close(self._turn)
        os.close(self._lock)


def _open(database: Path, suffix: str) -> int:
    return os.open(f"{database}{suffix}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
