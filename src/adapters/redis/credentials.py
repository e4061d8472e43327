"""What Redis knows us by, and what we know it by."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from adapters.tls_failures import reason_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFiles:
    """Files of secrets and certificates, all of them read once.

    Attributes:
        ca: Who vouches for Redis and the Sentinels; None is whom the system trusts.

        certificate: What we show if we are asked for one, with its key.

        sentinel_username: Who we are to the Sentinels, if that is somebody else.
    """

    password: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    sentinel_username: str | None = None
    sentinel_password: Path | None = None


def read_password(path: Path | None) -> str | None:
    """Read a password from the first line of a file.

    Raises:
        ValueError: If it cannot be read or is empty.
    """
    if path is None:
        return None
    try:
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"the Redis password file cannot be read: {path}") from None
    if not password:
        raise ValueError(f"the Redis password file is empty: {path}")
    return password


def tls_context(files: CredentialFiles) -> ssl.SSLContext:
    """Make what a connection needs to trust the server and no other, TLS 1.2 at the least.

    Raises:
        ValueError: If a file does not do.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if files.ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(files.ca)
    except OSError as error:
        raise ValueError(
            f"the CA file for Redis does not do: {files.ca}: {reason_of(error)}"
        ) from None
    if files.certificate is not None:
        try:
            context.load_cert_chain(files.certificate, files.certificate_key, password=_none)
        except OSError as error:
            raise ValueError(
                f"the certificate for Redis and its key do not do: {files.certificate}: "
                f"{reason_of(error)}"
            ) from None
    return context


def _none() -> str:
    """Give no passphrase, where OpenSSL would ask on the terminal."""
    return ""
