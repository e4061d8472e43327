"""Certificates for a Redis that speaks TLS, and for who connects to it."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import trustme


@dataclass(frozen=True, slots=True)
class RedisCertificates:
    """What one authority issued, as files.

    Attributes:
        client_certificate_file: For who connects, where the server asks for one.
    """

    ca_file: Path
    certificate_file: Path
    key_file: Path
    client_certificate_file: Path
    client_key_file: Path

    @classmethod
    def issue(cls, directory: Path, *names: str) -> Self:
        """Issue certificates for a server of those names, by default the names of this machine."""
        authority = trustme.CA()
        issued = cls(*(directory / f"{name}.pem" for name in _FILES))
        authority.cert_pem.write_to_path(issued.ca_file)
        server = authority.issue_cert(*(names or ("127.0.0.1", "localhost")))
        server.cert_chain_pems[0].write_to_path(issued.certificate_file)
        server.private_key_pem.write_to_path(issued.key_file)
        client = authority.issue_cert("grantd.example")
        client.cert_chain_pems[0].write_to_path(issued.client_certificate_file)
        client.private_key_pem.write_to_path(issued.client_key_file)
        return issued

    def context(self) -> ssl.SSLContext:
        """Make what a client needs to connect with its certificate."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.load_cert_chain(self.client_certificate_file, self.client_key_file)
        return context


_FILES = ("ca", "server", "server-key", "client", "client-key")
