"""Signing keys that an operator gives by file."""

import re
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adapters.jose.keys import signing_key
from adapters.jose.loaded_key import LEAST_RSA_BITS, usable
from domain.model.keys import SigningKey

_LARGEST_FILE = 64 * 1_024
_BEGINNING = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")


class SigningKeyUnusable(Exception):
    """A key file that cannot sign; it names the file and the reason, never the content."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


def load_signing_key(path: Path, passphrase: bytes | None, activate_at: datetime) -> SigningKey:
    """Read a private key in PEM: P-256 for ES256, RSA for RS256, Ed25519 for EdDSA.

    Args:
        passphrase: None for a key that is not encrypted; a passphrase for
            one is refused, since its owner believes otherwise.

    Raises:
        SigningKeyUnusable: If it is anything else, or cannot be read.
    """
    pem = _read(path)
    beginnings = len(_BEGINNING.findall(pem))
    if not beginnings:
        raise SigningKeyUnusable(path, _without_private_key(pem))
    if beginnings > 1:
        raise SigningKeyUnusable(path, "more than one private key; leave the one that is to sign")
    try:
        private_key = load_pem_private_key(pem, password=passphrase)
    except TypeError:
        reason = (
            "the key is encrypted and no passphrase is given"
            if passphrase is None
            else "a passphrase is given and the key is not encrypted"
        )
        raise SigningKeyUnusable(path, reason) from None
    except (ValueError, UnsupportedAlgorithm):
        reason = "damaged, or of an unknown kind"
        if passphrase is not None:
            reason = f"the passphrase is wrong, or the key is {reason}"
        raise SigningKeyUnusable(path, reason) from None
    signer = usable(private_key)
    if signer is None:
        raise SigningKeyUnusable(
            path, f"need an EC key on P-256, RSA of {LEAST_RSA_BITS} bits or more, or Ed25519"
        )
    return signing_key(signer, activate_at=activate_at)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            pem = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise SigningKeyUnusable(path, error.strerror or "cannot be read") from None
    if len(pem) > _LARGEST_FILE:
        raise SigningKeyUnusable(path, "too large for a key")
    return pem


def _without_private_key(pem: bytes) -> str:
    if b"PUBLIC KEY-----" in pem:
        return "a public key; signing needs the private one"
    return "no private key in PEM in it"
