"""Reading the certificate of a client, which TLS has verified before."""

from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    load_der_x509_certificate,
)

from domain.model.certificates import ClientCertificate

_REMEMBERED: Final = 4_096


@lru_cache(maxsize=_REMEMBERED)
def read_client_certificate(der: bytes) -> ClientCertificate | None:
    """Return what a certificate says; None if it is not written as RFC 5280 wants it.

    TLS libraries verify some that cannot be read here. Such a client is taken
    for one without a certificate, never for one without some of its names.
    """
    try:
        certificate = load_der_x509_certificate(der)
        names = _alternative_names(certificate)
        return ClientCertificate(
            thumbprint=urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode(),
            subject=certificate.subject.rfc4514_string(),
            dns_names=tuple(names.get_values_for_type(DNSName)),
            uris=tuple(names.get_values_for_type(UniformResourceIdentifier)),
            ip_addresses=tuple(map(str, names.get_values_for_type(IPAddress))),
            email_addresses=tuple(names.get_values_for_type(RFC822Name)),
            not_after=certificate.not_valid_after_utc,
            der=der,
        )
    except ValueError:
        return None


def _alternative_names(certificate: Certificate) -> SubjectAlternativeName:
    try:
        extension = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return SubjectAlternativeName(())
    return extension.value
