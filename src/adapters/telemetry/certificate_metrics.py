"""The certificates of the listeners as metrics."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter

from adapters.server_certificate import CertificateObserver


class CertificateMetrics:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._failures = Counter(
            "grantd_certificate_exchange_failures",
            "Certificates that lay in the place of one in use and could not be taken.",
            ["protocol"],
            registry=registry,
        )

    def not_exchanged(self, protocol: str, /) -> None:
        self._failures.labels(protocol).inc()


_: type[CertificateObserver] = CertificateMetrics
