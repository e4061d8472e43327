"""TLS of the HTTP listener: what it offers, and what becomes of a handshake that fails."""

import logging
import ssl
from typing import Any, Final

from adapters.server_certificate import CertificateUnusable, ServerCertificate
from adapters.tls_failures import reason_of

HANDSHAKE_WAIT: Final = 10.0
"""Seconds that a client has for its handshake."""

FAREWELL_WAIT: Final = 2.0
"""Seconds that a client has to answer the end of a connection; one that idles may never read it."""

_TLS_1_2_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"  # forward secrecy and AEAD (RFC 9325 §4.2)

_log = logging.getLogger(__name__)


def server_context(certificate: ServerCertificate) -> ssl.SSLContext:
    """Make what a listener accepts connections with.

    Raises:
        CertificateUnusable: If OpenSSL does not take the certificate.
    """
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS_1_2_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.sslobject_class = _Handshake
    files = certificate.files
    try:
        # A key that has been encrypted meanwhile is not to ask a terminal for its passphrase.
        context.load_cert_chain(files.certificate, files.key, password="")
        if certificate.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as gRPC does
            context.load_verify_locations(cadata=certificate.client_ca.decode("ascii"))
    except OSError as error:
        raise CertificateUnusable(files.certificate, reason_of(error)) from error
    return context


class _Context(ssl.SSLContext):
    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        *arguments: Any,  # noqa: ANN401  (handed on as they are)
        **options: Any,  # noqa: ANN401  (likewise)
    ) -> ssl.SSLObject:
        wrapped = super().wrap_bio(incoming, outgoing, *arguments, **options)
        if isinstance(wrapped, _Handshake):
            wrapped.outgoing = outgoing
        return wrapped


class _Handshake(ssl.SSLObject):
    """A connection whose client is told why its handshake failed.

    Event loops drop a connection as soon as its handshake raises, and with it
    the alert (RFC 8446 §6.2) that OpenSSL has written. To be asked for more
    makes them send it; the failure is raised when more comes, or the handshake
    has taken too long.
    """

    outgoing: ssl.MemoryBIO
    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            _log.info("a TLS handshake failed: %s", reason_of(error))
            if not self.outgoing.pending:
                raise
            self._failure = error
            raise ssl.SSLWantReadError from None
