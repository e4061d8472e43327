"""What went wrong with TLS or with a file of it, in words: OpenSSL's are names of constants."""

import ssl


def reason_of(error: OSError) -> str:
    """Say why a handshake failed, or a certificate or key cannot be taken."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return error.strerror or type(error).__name__
