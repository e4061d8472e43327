"""Whether a database file lies where it is safe (D7)."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from adapters.findings import Finding, Severity

_NETWORK: Final = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre|gfs2?|ocfs2|beegfs|gpfs"
    r"|fuse\.(?:sshfs|glusterfs|ceph|s3fs|rclone|gcsfuse|davfs)"
)
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_LAYER: Final = "overlay"
_LITTLE: Final = 256_000_000
_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


async def inspect(path: Path) -> Sequence[Finding]:
    """Look at the file system of a database, as far as the system tells."""
    return _look(path)


def _look(path: Path) -> Sequence[Finding]:
    mounts = _MOUNTS.read_text(encoding="utf-8") if _MOUNTS.exists() else ""
    kind = file_system_of(path.resolve(), mounts)
    return (*_place(path, kind), _room(path, shutil.disk_usage(path.parent).free))


def file_system_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that *path* is on; nothing if it is not known.

    Args:
        mounts: The lines of `/proc/self/mountinfo`, of which a later one covers an earlier.
    """
    found, depth = "", -1
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(_ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), before.split(" ")[4]))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = after.split(" ")[0], len(point.parts)
    return found


def _place(path: Path, kind: str) -> Iterator[Finding]:
    if _NETWORK.fullmatch(kind):
        yield Finding(
            Severity.RISK,
            f"{path} is on a network ({kind}), where neither locks nor the write-ahead log of "
            "SQLite are to be relied on: it may be damaged, and with it what was revoked",
            "move it to a local disk, or use Redis: --store redis://HOST:PORT",
        )
    elif kind in _IN_MEMORY:
        yield Finding(
            Severity.RISK,
            f"{path} is in memory ({kind}): the next start of the machine finds nothing of it",
            "move it to a disk",
        )
    elif kind == _LAYER:
        yield Finding(
            Severity.RISK,
            f"{path} is in a layer of a container, and goes with it",
            "mount a volume there",
        )
    else:
        where = f"a local file system ({kind})" if kind else "a file system that has no name here"
        yield Finding(
            Severity.GOOD, f"{path} is on {where}; what is acknowledged there is on the disk"
        )


def _room(path: Path, free: int) -> Finding:
    shown = f"{free / 1_000_000_000:.1f} GB free" if free >= _LITTLE else f"{free:,} bytes free"
    if free < _LITTLE:
        return Finding(
            Severity.NOTE,
            f"{path} has little room left ({shown}): once there is none, every request that has "
            "to write is answered 503",
            "make room on its disk",
        )
    return Finding(Severity.GOOD, f"there is room for it ({shown})")
