"""Whoever wants to know what becomes of the certificates of the listeners."""

from typing import Protocol


class CertificateObserver(Protocol):
    """Hears of the certificates of the listeners of one process."""

    def not_exchanged(self, protocol: str, /) -> None:
        """Hear that what lies in the place of the one in use cannot be taken."""
        ...


class UnobservedCertificates:
    def not_exchanged(self, protocol: str, /) -> None:
        """Let it pass."""


_: type[CertificateObserver] = UnobservedCertificates
