"""What is counted, over all processes, in the text form of Prometheus.

Each process counts in files of its own in one directory, so that what a
killed worker has counted stays. prometheus-client learns of the directory
from its environment, when it is imported.
"""

import struct
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_COUNTED: Final = ("counter", "histogram")
_OF_THE_DEAD: Final = "gone"
_one_at_a_time: Final = Lock()


def merged(directory: Path) -> bytes:
    """Return what all processes have counted in *directory*."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(directory))  # type: ignore[no-untyped-call]  # the library gives it none
    with _one_at_a_time:
        return generate_latest(registry)


def bury(directory: Path, pid: int) -> None:
    """Add what a process that is gone has counted to that of those before it.

    Its files would be read at every look, for ever.
    """
    with _one_at_a_time:
        for kind in _COUNTED:
            dead = directory / f"{kind}_{pid}.db"
            if dead.exists():
                with suppress(RuntimeError, ValueError, struct.error):  # it died while writing
                    _add(dead, directory / f"{kind}_{_OF_THE_DEAD}.db")
                dead.unlink()
        mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]  # likewise


def _add(source: Path, target: Path) -> None:
    sums = MmapedDict(str(target))  # type: ignore[no-untyped-call]  # likewise
    for key, value, _, _ in MmapedDict.read_all_values_from_file(str(source)):  # type: ignore[no-untyped-call]  # likewise
        before, _ = sums.read_value(key)  # type: ignore[no-untyped-call]  # likewise
        sums.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]  # likewise
    sums.close()  # type: ignore[no-untyped-call]  # likewise
