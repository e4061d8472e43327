"""Redis under Sentinel: a failover loses nothing if replicas are waited for."""

from collections.abc import Iterator

import pytest

from support.faults import replicated
from support.faults.replicated import ReplicatedSite
from support.faults.suite import Fault, Strike, opened
from support.redis_sentinel import SentinelDeployment

pytestmark = pytest.mark.timeout(300)  # seconds, on a machine that has other things to do

FAULTS = replicated.faults("the master")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicatedSite]:
    store = SentinelDeployment.start(tmp_path_factory.mktemp("sentinel"))
    folder = tmp_path_factory.mktemp("grantd")
    try:
        with opened(folder, store=store.url, wait_replicas="2") as (grantd, cast):
            yield ReplicatedSite(deployment="Sentinel", grantd=grantd, cast=cast, store=store)
    finally:
        store.stop()


async def test_after_a_fault_a_store_under_sentinel_holds_what_replicas_had(
    site: ReplicatedSite, fault: Fault[ReplicatedSite], strike: Strike
) -> None:
    """And what was lost because nobody waited for them is counted."""
    await strike(site, fault)
