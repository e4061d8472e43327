"""One Redis: with `appendfsync always` it loses nothing, with `everysec` a second."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from support.faults import embedded, standalone
from support.faults.checker import LOSSES
from support.faults.clocks import EXPIRED_FOR_A_WHILE, FAKED, the_clock_is_off_by
from support.faults.small_disk import SmallDisk
from support.faults.standalone import StandaloneSite
from support.faults.suite import Fault, Strike, opened
from support.faults.troubled_way import TroubledWay
from support.redis_server import RedisServer

pytestmark = pytest.mark.timeout(300)  # seconds, on a machine that has other things to do

FAULTS = (
    Fault("a worker of each protocol is killed", embedded.workers_are_killed),
    Fault("the server is killed", embedded.the_server_is_killed, lasts=0.5),
    Fault("Redis is killed", standalone.redis_is_killed, lasts=1, is_in_short_form=True),
    Fault(
        "Redis is killed, everysec",
        standalone.redis_is_killed_while_lazy,
        lasts=1,
        tolerated=LOSSES,
    ),
    Fault(
        "Redis loses a second, everysec",
        standalone.power_is_cut_while_lazy,
        lasts=0.5,
        tolerated=LOSSES,
    ),
    Fault("Redis is restarted", standalone.redis_is_restarted, lasts=0.5),
    Fault("Redis is frozen", standalone.redis_is_frozen, lasts=4),
    Fault("Redis is slow", standalone.redis_is_slow, lasts=3),
    Fault("replies of Redis are cut", standalone.replies_are_cut),
    Fault("the disk of Redis is full", standalone.the_disk_of_redis_is_full, lasts=1.5),
    Fault(
        "the disk of Redis is full, everysec",
        standalone.the_disk_of_a_lazy_redis_is_full,
        tolerated=LOSSES,
    ),
    Fault(
        "the clock of grantd is ahead",
        the_clock_is_off_by(timedelta(hours=2)),
        environment=FAKED,
        tolerated=EXPIRED_FOR_A_WHILE,
    ),
)


@contextmanager
def started(folder: Path) -> Iterator[RedisServer]:
    redis = RedisServer.start(folder)
    try:
        yield redis
    finally:
        redis.kill()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneSite]:
    folder = tmp_path_factory.mktemp("grantd")
    with (
        SmallDisk.mounted(tmp_path_factory.mktemp("disk"), mebibytes=24) as disk,
        started(disk.folder) as redis,
        TroubledWay.open(redis.port) as way,
        opened(folder, store=way.url) as (grantd, cast),
    ):
        yield StandaloneSite(
            deployment="Redis", grantd=grantd, cast=cast, redis=redis, way=way, disk=disk
        )


async def test_after_a_fault_a_store_on_redis_holds_what_redis_promised(
    site: StandaloneSite, fault: Fault[StandaloneSite], strike: Strike
) -> None:
    """And what it lost is counted."""
    await strike(site, fault)
