"""Where all processes of one supervisor count, and what is left of those that were killed."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from io import FileIO
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

_PREFIX: Final = "grantd-metrics-"
_HELD: Final = "held"


@contextmanager
def metrics_directory() -> Iterator[Path]:
    """Have a new directory as long as this lasts, and remove those whose supervisors are gone.

    Raises:
        OSError: If there is no room for one.
    """
    _sweep(Path(gettempdir()))
    with TemporaryDirectory(prefix=_PREFIX) as name:
        directory = Path(name)
        # Nobody may find it before it is locked.
        with closing(FileIO(directory / "new", "x")) as held:
            flock(held, LOCK_EX)
            (directory / "new").rename(directory / _HELD)
            yield directory


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is in use, another's, or being removed
            if left.lstat().st_uid == os.geteuid():
                with closing(FileIO(left / _HELD, "r+")) as held:
                    flock(held, LOCK_EX | LOCK_NB)
                    rmtree(left, ignore_errors=True)
