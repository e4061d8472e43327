"""The deaths of workers as a metric, which the supervisor counts."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter


class WorkerDeaths:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.count = Counter(
            "grantd_worker_deaths", "Workers that died without being told to.", registry=registry
        ).inc
