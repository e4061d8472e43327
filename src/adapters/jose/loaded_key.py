"""Signing keys in the form that signs, parsed once for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as EcPublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from adapters.jose.header import ACCESS_TOKEN, write_header
from domain.errors import Internal
from domain.model.keys import KeyId, SigningAlgorithm, SigningKey

PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey
PublicKey = EcPublicKey | RSAPublicKey | Ed25519PublicKey

LEAST_RSA_BITS: Final = 2_048  # RFC 7518 §3.3

_REMEMBERED = 64

_SHA256: Final = SHA256()
_ECDSA_SHA256: Final = ECDSA(_SHA256)
_PKCS1V15: Final = PKCS1v15()

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

    signature_of: Callable[[Any, bytes], bytes]

    def sign(self, message: bytes) -> bytes:
        return self.signature_of(self.private_key, message)

    def verify(self, message: bytes, signature: bytes) -> bool:
        return JWS[self.algorithm].verify(message, self.public_key, signature)


def load(key: SigningKey) -> LoadedKey:
    """Return *key* ready for use, remembered by its bytes.

    Raises:
        Internal: If its material is not a key of its algorithm, which no
            request can cause.
    """
    loaded = _load(key.material, key.key_id)
    if loaded is None or loaded.algorithm is not key.algorithm:
        raise Internal(f"key {key.key_id} is not one for {key.algorithm}")
    return loaded


@lru_cache(maxsize=_REMEMBERED)
def _load(material: bytes, key_id: KeyId) -> LoadedKey | None:
    try:
        signer = usable(serialization.load_der_private_key(material, password=None))
    except (ValueError, UnsupportedAlgorithm):
        raise Internal(f"key {key_id} is damaged") from None
    if signer is None:
        return None
    algorithm = algorithm_of(signer)
    return LoadedKey(
        algorithm=algorithm,
        header=write_header(ACCESS_TOKEN, algorithm, key_id),
        private_key=signer,
        public_key=signer.public_key(),
        signature_of=_SIGNATURES[algorithm],
    )


def _sign_by_es256(key: EllipticCurvePrivateKey, message: bytes) -> bytes:
    return raw_signature(key.sign(message, _ECDSA_SHA256))


def _sign_by_rs256(key: RSAPrivateKey, message: bytes) -> bytes:
    return key.sign(message, _PKCS1V15, _SHA256)


def _sign_by_eddsa(key: Ed25519PrivateKey, message: bytes) -> bytes:
    return key.sign(message)


_SIGNATURES: Final[Mapping[SigningAlgorithm, Callable[[Any, bytes], bytes]]] = {
    SigningAlgorithm.ES256: _sign_by_es256,
    SigningAlgorithm.RS256: _sign_by_rs256,
    SigningAlgorithm.EDDSA: _sign_by_eddsa,
}


def raw_signature(der: bytes) -> bytes:
    """Return an ECDSA signature over P-256 as JWS has it: r and s, 32 octets each (RFC 7518 §3.4).

    In DER each is an integer behind two octets, of its type and its length; it
    begins with a zero if its first bit were a sign, and is shorter if it is small.
    """
    behind_r = 4 + der[3]
    r, s = der[4:behind_r], der[behind_r + 2 :]
    return r[-32:].rjust(32, b"\0") + s[-32:].rjust(32, b"\0")


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
