"""The certificates of the listeners as metrics."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter

from adapters.certificate_observer import CertificateObserver
from adapters.request_record import PROTOCOLS


class CertificateMetrics:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        failures = Counter(
            "grantd_certificate_exchange_failures",
            "Certificates that lay in the place of one in use and could not be taken.",
            ["protocol"],
            registry=registry,
        )
        # From zero on, or the first failure would not be seen to increase it.
        self._fail = {protocol: failures.labels(protocol).inc for protocol in PROTOCOLS}

    def not_exchanged(self, protocol: str, /) -> None:
        self._fail[protocol]()


_: type[CertificateObserver] = CertificateMetrics
