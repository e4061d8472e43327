"""The embedded store promises most: whatever happens, what was acknowledged holds."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from support.faults import embedded
from support.faults.clocks import EXPIRED_FOR_A_WHILE, FAKED, the_clock_is_off_by
from support.faults.embedded import EmbeddedSite
from support.faults.small_disk import SmallDisk
from support.faults.suite import Fault, Strike, opened

pytestmark = pytest.mark.timeout(300)  # seconds, on a machine that has other things to do

FAULTS = (
    Fault("a worker of each protocol is killed", embedded.workers_are_killed),
    Fault("the server is killed", embedded.the_server_is_killed, lasts=0.5, is_in_short_form=True),
    Fault("the server is restarted", embedded.the_server_is_restarted, lasts=0.5),
    Fault("another process locks the file", embedded.the_file_is_locked, lasts=5.5),
    Fault("the disk is full", embedded.the_disk_is_full, lasts=3),
    Fault(
        "the clock is ahead",
        the_clock_is_off_by(timedelta(hours=2)),
        environment=FAKED,
        tolerated=EXPIRED_FOR_A_WHILE,
    ),
    Fault(
        "the clock is behind",
        the_clock_is_off_by(timedelta(hours=-2)),
        environment=FAKED,
    ),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSite]:
    with (
        SmallDisk.mounted(tmp_path_factory.mktemp("disk"), mebibytes=256) as disk,
        opened(disk.folder) as (grantd, cast),
    ):
        yield EmbeddedSite(deployment="SQLite", grantd=grantd, cast=cast, disk=disk)


async def test_after_a_fault_all_that_the_embedded_store_acknowledged_holds(
    site: EmbeddedSite, fault: Fault[EmbeddedSite], strike: Strike
) -> None:
    """And nothing happened by halves."""
    await strike(site, fault)
