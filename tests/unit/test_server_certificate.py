"""What is taken for the certificate of a listener, and what is said of what is not."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from adapters.http.tls import server_context
from adapters.server_certificate import (
    CertificateFiles,
    CertificateUnusable,
    read_server_certificate,
)
from support.tls import Pair

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=90)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(tmp_path: Path, authority: trustme.CA) -> CertificateFiles:
    issued = authority.issue_cert("id.example.com", "192.0.2.1", not_before=BEGIN, not_after=END)
    pair = Pair.write(issued, tmp_path)
    clients = tmp_path / "clients.crt"
    authority.cert_pem.write_to_path(str(clients))
    return CertificateFiles(certificate=pair.certificate, key=pair.key, client_ca=clients)


def refusal(files: CertificateFiles) -> str:
    with pytest.raises(CertificateUnusable) as caught:
        read_server_certificate(files)
    return str(caught.value)


def key_in_pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_certificate_tells_for_whom_it_is_and_until_when(files: CertificateFiles) -> None:
    """All that an operator wants to know; the key is nowhere to be seen."""
    read = read_server_certificate(files)

    assert read.names == ("id.example.com", "192.0.2.1")
    assert (read.not_before, read.not_after) == (BEGIN, END)
    assert read.requires_clients
    assert "PRIVATE" not in repr(read)
    assert not read_server_certificate(replace(files, client_ca=None)).requires_clients


def test_a_name_may_stand_for_others(files: CertificateFiles) -> None:
    """Of one label, and of nothing deeper or higher."""
    wild = replace(read_server_certificate(files), names=("*.Example.com", "id.example.net"))

    covered = ["id.example.com", "ID.example.net"]
    others = ["example.com", "a.id.example.com", "a.id.example.net", "com", ""]
    assert [wild.is_for(host) for host in covered] == [True, True]
    assert [wild.is_for(host) for host in others] == [False] * 5


def test_certificate_and_key_may_share_a_file(files: CertificateFiles) -> None:
    """As HAProxy and others want them."""
    both = files.certificate.with_name("both.pem")
    both.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())

    together = read_server_certificate(replace(files, certificate=both, key=both))

    assert together.chain == read_server_certificate(files).chain
    assert server_context(together)


@pytest.mark.parametrize("which", ["certificate", "key", "client_ca"])
def test_a_file_that_is_not_there_is_named(files: CertificateFiles, which: str) -> None:
    """Whichever of the three it is."""
    path: Path = getattr(files, which)
    path.unlink()

    assert refusal(files) == f"{path}: No such file or directory"


@pytest.mark.parametrize("which", ["certificate", "client_ca"])
def test_a_file_without_certificates_is_refused(files: CertificateFiles, which: str) -> None:
    """Or with a broken one."""
    path: Path = getattr(files, which)

    path.write_text("nothing of the kind")
    assert refusal(files) == f"{path}: no certificate in PEM in it"
    path.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    assert refusal(files) == f"{path}: a certificate in it is damaged"
    path.write_bytes(b"\n" * 2_000_000)
    assert refusal(files) == f"{path}: too large for certificates"


def test_a_key_that_cannot_be_used_is_refused(files: CertificateFiles) -> None:
    """Without a byte of it in the sentence."""
    key = ec.generate_private_key(ec.SECP256R1())
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505  (which is what is refused)
    cases = {
        b"nothing of the kind": "no private key in PEM in it",
        b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n": "the key in it is"
        " damaged, or of an unknown kind",
        key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        ): "the key is encrypted, and nobody is there to type its passphrase: write it without"
        " one, readable by grantd's user alone",
        key_in_pem(key): f"not the key of the first certificate in {files.certificate}",
        key_in_pem(ed25519.Ed25519PrivateKey.generate()): "need RSA of 2048 bits or more, or an"
        " EC key on P-256 or P-384",
        key_in_pem(short): "need RSA of 2048 bits or more, or an EC key on P-256 or P-384",
    }

    for written, reason in cases.items():
        files.key.write_bytes(written)
        assert refusal(files) == f"{files.key}: {reason}"


def test_the_listeners_own_certificate_comes_first(
    files: CertificateFiles, authority: trustme.CA
) -> None:
    """A chain the wrong way round is no chain to a client."""
    own = files.certificate.read_bytes()
    files.certificate.write_bytes(authority.cert_pem.bytes() + own)

    assert "not the key of the first certificate" in refusal(files)


@pytest.mark.parametrize(
    ("now", "concern"),
    [
        (BEGIN - timedelta(seconds=1), "is not valid before 2026-11-01 00:00 UTC"),
        (BEGIN, None),
        (END - timedelta(days=9), None),
        (END - timedelta(days=8), "expires soon, and nothing has renewed it: it is valid until"),
        (END, "has expired: it was valid until 2027-01-30 00:00 UTC"),
    ],
)
def test_dates_that_concern_somebody_are_told(
    files: CertificateFiles, now: datetime, concern: str | None
) -> None:
    """What should long have been renewed, by the last tenth of its life."""
    read = read_server_certificate(files)

    told = read.concern(now)

    if concern is None:
        assert told is None
        assert read.is_valid(now)
    else:
        assert told is not None
        assert told.startswith(f"{files.certificate} {concern}")


def test_an_exchange_is_seen_through_links(files: CertificateFiles, tmp_path: Path) -> None:
    """Kubernetes exchanges a link to a folder, and no file."""
    link, other = tmp_path / "now", tmp_path / "later"
    link.symlink_to(tmp_path)
    linked = CertificateFiles(certificate=link / "tls.crt", key=link / "tls.key")
    before = linked.stamp()
    other.mkdir()
    for name in ("tls.crt", "tls.key"):
        (other / name).write_bytes((tmp_path / name).read_bytes())

    assert linked.stamp() == before
    (tmp_path / "new").symlink_to(other)
    os.replace(tmp_path / "new", link)  # noqa: PTH105  (of the link itself)
    assert linked.stamp() != before
    (other / "tls.key").unlink()
    assert linked.stamp()[1] is None
