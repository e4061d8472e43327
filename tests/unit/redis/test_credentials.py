import ssl
from pathlib import Path

import pytest

from adapters.redis.credentials import CredentialFiles, read_password, tls_context
from support.redis_certificates import RedisCertificates


def test_a_password_is_the_file_without_its_line_end(tmp_path: Path) -> None:
    """As an editor leaves it."""
    password = tmp_path / "password"
    password.write_text("open sesame\r\n")

    assert read_password(password) == "open sesame"
    assert read_password(None) is None


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    """Whoever mistyped the path reads it again."""
    with pytest.raises(ValueError, match=r"cannot be read: .*nowhere"):
        read_password(tmp_path / "nowhere")


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    """An empty password would mean none."""
    empty = tmp_path / "password"
    empty.write_text("\n")

    with pytest.raises(ValueError, match="is empty"):
        read_password(empty)


def test_tls_trusts_nobody_but_the_authority_that_is_named(tmp_path: Path) -> None:
    """Those of the system vouch for the whole world."""
    issued = RedisCertificates.issue(tmp_path)

    context = tls_context(CredentialFiles(ca=issued.ca_file))

    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (CredentialFiles(ca=Path("nowhere.pem")), r"nowhere\.pem: No such file or directory$"),
        (
            CredentialFiles(certificate=Path("nowhere.pem"), certificate_key=Path("key.pem")),
            r"nowhere\.pem: No such file or directory$",
        ),
        (CredentialFiles(ca=Path(__file__)), r"test_credentials\.py: no certificate"),
    ],
)
def test_files_that_hold_no_certificate_are_named(files: CredentialFiles, told: str) -> None:
    """Before anything is connected to, and in words."""
    with pytest.raises(ValueError, match=told):
        tls_context(files)
