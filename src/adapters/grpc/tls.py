"""TLS of the gRPC listener. gRPC itself wants TLS 1.2 at least, and `h2` by ALPN."""

import grpc

from adapters.server_certificate import ServerCertificate


class ServerTls:
    """Credentials whose certificate, key and CAs are exchanged while connections go on.

    Whether clients have to show a certificate is settled once, by the first.
    """

    def __init__(self, certificate: ServerCertificate) -> None:
        self._current = self._taken = _configuration(certificate)
        self.requires_clients = certificate.requires_clients
        self.credentials = grpc.dynamic_ssl_server_credentials(
            self._current,
            self._exchanged,  # type: ignore[arg-type]  # None is foreseen; its stubs leave it out
            require_client_authentication=self.requires_clients,
        )

    def use(self, certificate: ServerCertificate) -> None:
        """Show this one in every handshake from now on."""
        self._current = _configuration(certificate)

    def _exchanged(self) -> grpc.ServerCertificateConfiguration | None:
        """Return what a handshake is to take; None if that is what the last one took.

        gRPC asks in threads of its own.
        """
        current = self._current
        if current is self._taken:
            return None
        self._taken = current
        return current


def _configuration(certificate: ServerCertificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(certificate.key, certificate.chain)], root_certificates=certificate.client_ca
    )
