"""TLS to a running server: whom a command trusts, and what it shows of itself."""

import ssl
from pathlib import Path

from adapters.tls_failures import reason_of
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.settings import Settings


def client_context(settings: Settings) -> ssl.SSLContext:
    """Make what a connection over TLS is opened with.

    Raises:
        Refused: If one of the files does not do; it is named.
    """
    authorities, certificate = settings.target_ca_file, settings.target_certificate_file
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise _refused(error, authorities) from error
    key = settings.target_certificate_key_file
    if certificate is not None and key is not None:
        try:
            # A command asks no terminal for a passphrase.
            context.load_cert_chain(certificate, key, password="")
        except OSError as error:
            raise _refused(error, certificate, key) from error
    return context


def failure(error: OSError) -> str:
    """Say what went wrong with a connection."""
    reason = reason_of(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {reason};"
            " --target-ca-file names the CA that vouches for it"
        )
    return f"TLS failed: {reason}" if isinstance(error, ssl.SSLError) else reason


def _refused(error: OSError, *paths: Path | None) -> Refused:
    named = " and ".join(str(path) for path in paths if path is not None)
    return Refused(f"{named}: {reason_of(error)}", ExitStatus.WRONG_USAGE)
