"""Who is at the other end of a connection, as grpc tells it."""

from functools import lru_cache
from ssl import PEM_cert_to_DER_cert
from typing import Any, Final
from urllib.parse import unquote

import grpc

from adapters.client_certificate import read_client_certificate
from domain.model.certificates import ClientCertificate

_REMEMBERED: Final = 4_096  # a connection's calls have one peer and one certificate

_WITH_ADDRESS: Final = frozenset({"ipv4", "ipv6"})


@lru_cache(_REMEMBERED)
def address_in(peer: str) -> str:
    """Return the host in grpc's name of a peer, such as `ipv6:%5B::1%5D:50051`.

    The peer of a Unix domain socket has none.
    """
    kind, _, place = unquote(peer).partition(":")
    if kind not in _WITH_ADDRESS:
        return ""
    host, _, _ = place.rpartition(":")
    return host.strip("[]")


def certificate_of(context: grpc.aio.ServicerContext[Any, Any]) -> ClientCertificate | None:
    """Return the certificate that the connection of a call was verified by; None without one."""
    for pem in context.auth_context().get("x509_pem_cert", ()):
        return _certificate_in(pem)
    return None


@lru_cache(_REMEMBERED)
def _certificate_in(pem: bytes) -> ClientCertificate | None:
    return read_client_certificate(PEM_cert_to_DER_cert(pem.decode("ascii")))
