from pathlib import Path

import pytest

from adapters.findings import Severity
from adapters.sqlite import inspection
from adapters.sqlite.inspection import file_system_of, inspect

MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
25 22 0:21 / /run rw,nosuid - tmpfs tmpfs rw
31 22 0:40 / /srv/shared rw,relatime shared:7 - nfs4 files:/export rw,vers=4.2
32 22 254:1 / /srv/shared/local rw,relatime - xfs /dev/vdb rw
33 22 0:41 / /srv/two\040words rw,relatime - cifs //files/x rw
34 22 0:42 / /layered rw,relatime - overlay overlay rw
35 22 254:2 / /layered rw,relatime - btrfs /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/grantd/grantd.db", "ext4"),
        ("/srv/shared/grantd.db", "nfs4"),
        ("/srv/shared/local/grantd.db", "xfs"),
        ("/srv/sharedness/grantd.db", "ext4"),
        ("/srv/two words/grantd.db", "cifs"),
        ("/layered/grantd.db", "btrfs"),
    ],
)
def test_the_deepest_and_latest_mount_tells_the_file_system(path: str, kind: str) -> None:
    """A later line covers an earlier one, and blanks are written as octets."""
    assert file_system_of(Path(path), MOUNTS) == kind


def test_without_a_list_of_mounts_nothing_is_known() -> None:
    """As on other systems."""
    assert file_system_of(Path("/grantd.db"), "") == ""


@pytest.mark.parametrize(
    ("kind", "severity", "named"),
    [
        ("nfs4", Severity.RISK, "on a network"),
        ("fuse.sshfs", Severity.RISK, "on a network"),
        ("tmpfs", Severity.RISK, "in memory"),
        ("overlay", Severity.RISK, "layer of a container"),
        ("ext4", Severity.GOOD, "a local file system (ext4)"),
    ],
)
async def test_where_a_database_may_be_lost_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, severity: Severity, named: str
) -> None:
    """It does not depend on what is in the file."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 254:0 / / rw - {kind} somewhere rw\n")
    monkeypatch.setattr(inspection, "_MOUNTS", mounts)

    place, room = await inspect(tmp_path / "grantd.db")

    assert place.severity is severity
    assert named in place.sentence
    assert "free" in room.sentence


async def test_little_room_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is none, and every write is refused."""
    monkeypatch.setattr(inspection, "_LITTLE", 2**63)

    _, room = await inspect(tmp_path / "grantd.db")

    assert room.severity is Severity.NOTE
    assert "little room left" in room.sentence
