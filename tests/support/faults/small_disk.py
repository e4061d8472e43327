"""A disk that is full when a test says so."""

import resource
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_MEBIBYTE = 1_048_576


class SmallDisk:
    """A folder on a file system of its own, or else on one that no longer takes its writers' bytes.

    Where mounting is not allowed, the writers are limited to files of no size
    instead, which they have to bear in the same way.

    Attributes:
        writers: Tells the processes that write there.
    """

    def __init__(self, folder: Path, *, is_mounted: bool) -> None:
        self.folder = folder
        self.writers: Callable[[], Iterable[int]] = tuple
        self._is_mounted = is_mounted
        self._limited: list[int] = []
        self._ballast = folder / "ballast"

    @classmethod
    @contextmanager
    def mounted(cls, folder: Path, *, mebibytes: int) -> Iterator["SmallDisk"]:
        """Put a disk at an empty folder; nobody may use it any more at the end."""
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", str(folder)],
            stderr=subprocess.DEVNULL,
            check=False,
        )
        is_mounted = done.returncode == 0
        try:
            yield cls(folder, is_mounted=is_mounted)
        finally:
            if is_mounted:
                subprocess.run(["umount", "--lazy", str(folder)], check=True)

    def fill(self) -> None:
        """Leave no room."""
        if not self._is_mounted:
            self._limit(0, self.writers())
            return
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (_MEBIBYTE, 4_096, 1):
                with suppress(OSError):
                    while ballast.write(b"\0" * size) == size:
                        pass

    def free(self) -> None:
        """Make room again."""
        self._ballast.unlink(missing_ok=True)
        self._limit(resource.RLIM_INFINITY, self._limited)

    def _limit(self, size: int, processes: Iterable[int]) -> None:
        self._limited = list(processes)
        for process in self._limited:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(process).rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
