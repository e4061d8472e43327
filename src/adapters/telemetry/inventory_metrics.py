"""What will have to be renewed, as metrics, and which program it is that tells."""

import math
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Gauge

from domain.model.keys import SigningAlgorithm
from domain.usecases.take_inventory import AlgorithmInventory, SecretCounts

_MODE: Final = "livemax"  # one process tells

NOTHING: Final = math.nan
"""What is told of a key that is not there. No comparison with it holds."""


class InventoryMetrics:
    """Times are told as such, and not as ages, which would be old by the next look.

    Args:
        version: Of this program.
    """

    def __init__(self, version: str, registry: CollectorRegistry = REGISTRY) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, multiprocess_mode=_MODE, registry=registry)

        gauge("grantd_build_info", "Always 1; the version is its label.", "version").labels(
            version
        ).set(1)
        self._keys = gauge(
            "grantd_signing_keys", "Signing keys that are published.", "algorithm", "state"
        )
        self._signs_since = gauge(
            "grantd_signing_key_activated_timestamp_seconds",
            "Since when the key signs that does.",
            "algorithm",
        )
        self._signs_until = gauge(
            "grantd_signing_ends_timestamp_seconds",
            "When no key of this algorithm will sign any more; +Inf if there is no end to it.",
            "algorithm",
        )
        self._secrets = gauge(
            "grantd_client_secrets", "Client secrets, by how long they still work.", "ends"
        )
        self._counted = gauge(
            "grantd_client_secrets_counted_timestamp_seconds",
            "When all clients had been looked at last.",
        )
        self._certificates = gauge(
            "grantd_certificate_expires_timestamp_seconds",
            "Until when the certificate of a listener is valid.",
            "protocol",
        )

    def keys(self, found: Mapping[SigningAlgorithm, AlgorithmInventory]) -> None:
        for algorithm, inventory in found.items():
            for state, count in inventory.keys.items():
                self._keys.labels(algorithm.value, state.value).set(count)
            since, until = inventory.signs_since, inventory.signs_until
            self._signs_since.labels(algorithm.value).set(_seconds(since))
            endless = until is None and since is not None
            self._signs_until.labels(algorithm.value).set(math.inf if endless else _seconds(until))

    def secrets(self, counts: SecretCounts) -> None:
        for life, count in counts.items():
            self._secrets.labels(life.value).set(count)
        self._counted.set(time.time())

    def certificate(self, protocol: str, *, expires: datetime) -> None:
        self._certificates.labels(protocol).set(expires.timestamp())


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else NOTHING
