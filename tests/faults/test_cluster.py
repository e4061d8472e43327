"""A cluster of Redis: a failover loses nothing if replicas are waited for."""

from collections.abc import Iterator

import pytest

from support.faults import replicated
from support.faults.replicated import ReplicatedSite
from support.faults.suite import Fault, Strike, opened
from support.redis_cluster import ClusterDeployment

pytestmark = pytest.mark.timeout(300)  # seconds, on a machine that has other things to do

FAULTS = replicated.faults("a master")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicatedSite]:
    store = ClusterDeployment.start(tmp_path_factory.mktemp("cluster"))
    folder = tmp_path_factory.mktemp("grantd")
    try:
        with opened(folder, store=store.url, wait_replicas="1") as (grantd, cast):
            yield ReplicatedSite(deployment="Cluster", grantd=grantd, cast=cast, store=store)
    finally:
        store.stop()


async def test_after_a_fault_a_store_in_a_cluster_holds_what_replicas_had(
    site: ReplicatedSite, fault: Fault[ReplicatedSite], strike: Strike
) -> None:
    """And what was lost because nobody waited for them is counted."""
    await strike(site, fault)
