"""What is read of a certificate that TLS has verified."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from adapters.client_certificate import read_client_certificate

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=30)


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(key: ec.EllipticCurvePrivateKey, *names: x509.GeneralName) -> bytes:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example, Inc."),
            x509.NameAttribute(NameOID.COMMON_NAME, "billing"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(SINCE)
        .not_valid_after(UNTIL)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


def test_its_names_are_told_by_their_kind(key: ec.EllipticCurvePrivateKey) -> None:
    """As RFC 8705 §2.1.2 has clients registered by one of them."""
    read = read_client_certificate(
        certificate(
            key,
            x509.DNSName("billing.example"),
            x509.UniformResourceIdentifier("spiffe://example/billing"),
            x509.IPAddress(ip_address("192.0.2.1")),
            x509.IPAddress(ip_address("2001:db8::1")),
            x509.RFC822Name("billing@example.com"),
        )
    )

    assert read is not None
    assert read.subject == r"CN=billing,O=Example\, Inc."
    assert read.dns_names == ("billing.example",)
    assert read.uris == ("spiffe://example/billing",)
    assert read.ip_addresses == ("192.0.2.1", "2001:db8::1")
    assert read.email_addresses == ("billing@example.com",)
    assert read.not_after == UNTIL


def test_a_certificate_needs_no_alternative_names(key: ec.EllipticCurvePrivateKey) -> None:
    """Its subject is enough."""
    read = read_client_certificate(certificate(key))

    assert read is not None
    assert (read.dns_names, read.uris, read.ip_addresses, read.email_addresses) == ((),) * 4


def test_its_thumbprint_is_that_of_rfc_8705(key: ec.EllipticCurvePrivateKey) -> None:
    """The digest of its DER in base64url without padding (§3.1), and all that a repr shows."""
    der = certificate(key)
    read = read_client_certificate(der)

    assert read is not None
    assert read.der == der
    assert read.thumbprint == urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    assert repr(read) == f"ClientCertificate(thumbprint={read.thumbprint!r})"


def test_one_that_cannot_be_read_is_none(key: ec.EllipticCurvePrivateKey) -> None:
    """Neither bytes at random, nor one whose names are not written as they should be."""
    der = certificate(key, x509.DNSName("billing.example"))

    assert read_client_certificate(b"\x30\x00") is None
    assert read_client_certificate(der.replace(b"billing.ex", b"billing\xff.ex"[:10])) is None


def test_it_is_read_once(key: ec.EllipticCurvePrivateKey) -> None:
    """A connection of gRPC asks at every call."""
    der = certificate(key)

    assert read_client_certificate(der) is read_client_certificate(bytes(bytearray(der)))
