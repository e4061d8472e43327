"""What a listener shows of itself over TLS, and who vouches for its clients: by file, in PEM."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
    load_pem_x509_certificates,
)

_LARGEST_FILE: Final = 1_024 * 1_024
_LEAST_RSA_BITS: Final = 2_048

Stamp = tuple[tuple[int, int, int, int] | None, ...]
"""Which files lie there: their identities, times and sizes; None for one that does not."""


class CertificateUnusable(Exception):
    """A file that TLS cannot be served with; it names the file and the reason, no content."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """Where the certificate of a listener is.

    Attributes:
        certificate: The chain, the listener's own certificate first.

        client_ca: Who vouches for clients, if they have to show a certificate.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def stamp(self) -> Stamp:
        """Tell what lies there now, so that a later look sees whether it was exchanged.

        Symbolic links are followed, for that is how Kubernetes and certbot
        exchange them.
        """
        paths = (self.certificate, self.key, *([self.client_ca] if self.client_ca else []))
        return tuple(map(_stamp, paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """A certificate that fits its key, as it was in its files.

    Attributes:
        chain: In PEM, with nothing else that may have been in the file; so are
            the key and the CA certificates.

        names: The host names and addresses that it is for.

        not_before: Since when all of the chain is valid.

        not_after: Until when all of it is.
    """

    files: CertificateFiles
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    client_ca: bytes | None = field(repr=False)
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    @property
    def requires_clients(self) -> bool:
        """Whether every client has to show a certificate."""
        return self.client_ca is not None

    def is_for(self, host: str) -> bool:
        """Tell whether clients take it for that of *host* (RFC 9525 §6.3)."""
        names = {name.lower() for name in self.names}
        return host.lower() in names or f"*.{host.lower().partition('.')[2]}" in names

    def is_valid(self, now: datetime) -> bool:
        return self.not_before <= now < self.not_after

    def concern(self, now: datetime) -> str | None:
        """Say what is wrong with its dates, or soon will be; None if nothing is.

        Soon is the last tenth of its life: whatever renews certificates should
        have done so in the last third.
        """
        path, end = self.files.certificate, f"{self.not_after:%Y-%m-%d %H:%M} UTC"
        if now < self.not_before:
            return f"{path} is not valid before {self.not_before:%Y-%m-%d %H:%M} UTC"
        if now >= self.not_after:
            return f"{path} has expired: it was valid until {end}"
        if self.not_after - now < (self.not_after - self.not_before) / 10:
            return f"{path} expires soon, and nothing has renewed it: it is valid until {end}"
        return None


def read_server_certificate(files: CertificateFiles) -> ServerCertificate:
    """Read and compare the files.

    Raises:
        CertificateUnusable: If they do not make a listener.
    """
    chain = _certificates(files.certificate)
    key = _private_key(files.key)
    if chain[0].public_key() != key.public_key():
        raise CertificateUnusable(
            files.key, f"not the key of the first certificate in {files.certificate}"
        )
    authorities = _certificates(files.client_ca) if files.client_ca is not None else None
    return ServerCertificate(
        files=files,
        chain=_pem(chain),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        client_ca=_pem(authorities) if authorities is not None else None,
        names=_names(chain[0]),
        not_before=max(certificate.not_valid_before_utc for certificate in chain),
        not_after=min(certificate.not_valid_after_utc for certificate in chain),
    )


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            pem = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise CertificateUnusable(path, error.strerror or "cannot be read") from None
    if len(pem) > _LARGEST_FILE:
        raise CertificateUnusable(path, "too large for certificates")
    return pem


def _certificates(path: Path) -> Sequence[Certificate]:
    pem = _read(path)
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        reason = (
            "a certificate in it is damaged"
            if b"-----BEGIN CERTIFICATE-----" in pem
            else "no certificate in PEM in it"
        )
        raise CertificateUnusable(path, reason) from None


def _private_key(path: Path) -> PrivateKeyTypes:
    pem = _read(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise CertificateUnusable(
            path,
            "the key is encrypted, and nobody is there to type its passphrase: write it without"
            " one, readable by grantd's user alone",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        reason = (
            "the key in it is damaged, or of an unknown kind"
            if b"PRIVATE KEY-----" in pem
            else "no private key in PEM in it"
        )
        raise CertificateUnusable(path, reason) from None
    if not _is_known_to_clients(key):
        raise CertificateUnusable(
            path, f"need RSA of {_LEAST_RSA_BITS} bits or more, or an EC key on P-256 or P-384"
        )
    return key


def _is_known_to_clients(key: PrivateKeyTypes) -> bool:
    if isinstance(key, RSAPrivateKey):
        return key.key_size >= _LEAST_RSA_BITS
    return isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1 | SECP384R1)


def _names(certificate: Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except (ExtensionNotFound, ValueError):
        return ()
    names = extension.value
    return (
        *names.get_values_for_type(DNSName),
        *map(str, names.get_values_for_type(IPAddress)),
    )


def _pem(certificates: Sequence[Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
