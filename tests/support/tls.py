"""Certificates for listeners and their clients, and how clients connect with them."""

import socket
import ssl
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

import grpc
import trustme

HERE = "127.0.0.1"

_ANYTHING = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class Pair:
    """A certificate chain and its key, in files."""

    certificate: Path
    key: Path

    @classmethod
    def write(cls, issued: trustme.LeafCert, folder: Path, name: str = "tls") -> Self:
        """Write what was issued; what lies there already is exchanged."""
        folder.mkdir(exist_ok=True)
        pair = cls(folder / f"{name}.crt", folder / f"{name}.key")
        pair.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        pair.key.write_bytes(issued.private_key_pem.bytes())
        return pair

    def settings(self, *listeners: str) -> dict[str, str]:
        return {
            name: str(path)
            for listener in listeners
            for name, path in (
                (f"{listener}_certificate_file", self.certificate),
                (f"{listener}_certificate_key_file", self.key),
            )
        }

    @property
    def thumbprint(self) -> str:
        """`x5t#S256` of the first certificate (RFC 8705 §3.1)."""
        first = self.certificate.read_text().partition("-----END CERTIFICATE-----")
        return thumbprint(ssl.PEM_cert_to_DER_cert("".join(first[:2])))


def thumbprint(der: bytes) -> str:
    return urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode()


def client_context(trusted: trustme.CA, shown: Pair | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted.configure_trust(context)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


def channel_credentials(trusted: trustme.CA, shown: Pair | None = None) -> grpc.ChannelCredentials:
    mine = (
        (None, None) if shown is None else (shown.key.read_bytes(), shown.certificate.read_bytes())
    )
    return grpc.ssl_channel_credentials(trusted.cert_pem.bytes(), *mine)


@dataclass(frozen=True)
class Handshake:
    """What was agreed upon, whose certificate was shown, and what a client can come back with."""

    version: str | None
    protocol: str | None
    thumbprint: str
    session: ssl.SSLSession | None


def handshake(
    port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Handshake:
    """Connect, with a session of before if there is one.

    A word is waited for: by TLS 1.3 a server judges a client's certificate
    only after the client is done.

    Raises:
        OSError: If the server does not want to.
    """
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((HERE, port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=HERE, session=session) as secured,
    ):
        secured.sendall(_ANYTHING)
        if not secured.recv(1):
            raise ConnectionResetError("it ended without a word")
        shown = secured.getpeercert(binary_form=True)
        assert shown is not None
        return Handshake(
            secured.version(), secured.selected_alpn_protocol(), thumbprint(shown), secured.session
        )
