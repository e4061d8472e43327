"""The certificates of the listeners, as settings name them; proved before the start."""

from typing import Final, Literal

from adapters.http.tls import server_context
from adapters.server_certificate import (
    CertificateFiles,
    CertificateUnusable,
    ServerCertificate,
    read_server_certificate,
)
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings

Protocol = Literal["http", "grpc"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("http", "grpc")


def certificate_files(settings: Settings, protocol: Protocol) -> CertificateFiles | None:
    """Return where the certificate of a listener is; None if it is off, or serves in the clear."""
    if protocol == "http":
        listening = settings.http
        certificate, key = settings.http_certificate_file, settings.http_certificate_key_file
        client_ca = settings.http_client_ca_file
    else:
        listening = settings.grpc
        certificate, key = settings.grpc_certificate_file, settings.grpc_certificate_key_file
        client_ca = settings.grpc_client_ca_file
    if listening is None or certificate is None or key is None:
        return None
    return CertificateFiles(certificate=certificate, key=key, client_ca=client_ca)


def usable_certificate(files: CertificateFiles) -> ServerCertificate:
    """Return what a listener can be served with.

    Raises:
        CertificateUnusable: If it cannot be with these files.
    """
    certificate = read_server_certificate(files)
    server_context(certificate)
    return certificate


def require_certificates(settings: Settings) -> None:
    """Prove that the listeners can be served with their certificates.

    Raises:
        RefusedToStart: If one of them cannot. One that has expired can, with
            whoever does not look.
    """
    for protocol in PROTOCOLS:
        files = certificate_files(settings, protocol)
        if files is not None:
            try:
                usable_certificate(files)
            except CertificateUnusable as error:
                raise RefusedToStart(str(error)) from error
