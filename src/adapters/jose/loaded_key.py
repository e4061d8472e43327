"""Signing keys in the form that signs, parsed once for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as EcPublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from adapters.jose.header import ACCESS_TOKEN, write_header
from domain.errors import Internal
from domain.model.keys import KeyId, SigningAlgorithm, SigningKey

PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey
PublicKey = EcPublicKey | RSAPublicKey | Ed25519PublicKey

LEAST_RSA_BITS: Final = 2_048  # RFC 7518 §3.3

_REMEMBERED = 64

JWS: Final[Mapping[SigningAlgorithm, Algorithm]] = {
    SigningAlgorithm.ES256: ECAlgorithm(ECAlgorithm.SHA256, SECP256R1),
    SigningAlgorithm.RS256: RSAAlgorithm(RSAAlgorithm.SHA256),
    SigningAlgorithm.EDDSA: OKPAlgorithm(),
}


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A signing key, ready for use; *header* is that of its access tokens."""

    algorithm: SigningAlgorithm
    header: bytes
    private_key: PrivateKey = field(repr=False)
    public_key: PublicKey

    def sign(self, message: bytes) -> bytes:
        return JWS[self.algorithm].sign(message, self.private_key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        return JWS[self.algorithm].verify(message, self.public_key, signature)


def load(key: SigningKey) -> LoadedKey:
    """Return *key* ready for use, remembered by its bytes.

    Raises:
        Internal: If its material is not a key of its algorithm, which no
            request can cause.
    """
    return _load(key.material, key.algorithm, key.key_id)


@lru_cache(maxsize=_REMEMBERED)
def _load(material: bytes, algorithm: SigningAlgorithm, key_id: KeyId) -> LoadedKey:
    try:
        signer = usable(serialization.load_der_private_key(material, password=None))
    except (ValueError, UnsupportedAlgorithm):
        raise Internal(f"key {key_id} is damaged") from None
    if signer is None or algorithm_of(signer) is not algorithm:
        raise Internal(f"key {key_id} is not one for {algorithm}")
    return LoadedKey(
        algorithm=algorithm,
        header=write_header(ACCESS_TOKEN, algorithm, key_id),
        private_key=signer,
        public_key=signer.public_key(),
    )


def usable(private_key: object) -> PrivateKey | None:
    """Return *private_key* if one of our algorithms can sign with it."""
    match private_key:
        case EllipticCurvePrivateKey() if isinstance(private_key.curve, SECP256R1):
            return private_key
        case RSAPrivateKey() if private_key.key_size >= LEAST_RSA_BITS:
            return private_key
        case Ed25519PrivateKey():
            return private_key
        case _:
            return None


def algorithm_of(private_key: PrivateKey) -> SigningAlgorithm:
    match private_key:
        case EllipticCurvePrivateKey():
            return SigningAlgorithm.ES256
        case RSAPrivateKey():
            return SigningAlgorithm.RS256
        case Ed25519PrivateKey():
            return SigningAlgorithm.EDDSA


def pkcs8(private_key: PrivateKey) -> bytes:
    """Return the form in which the core keeps a private key."""
    return private_key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
