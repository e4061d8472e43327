"""Public keys as JWKs (RFC 7517) and their thumbprints (RFC 7638)."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from adapters.jose.loaded_key import PublicKey, load
from adapters.jose.segments import encode_segment
from domain.model.keys import KeyId, SigningKey
from domain.ports.signing import KeySetWriter

# RFC 7638 §3.2, RFC 8037 §2: what makes the key, in the order a thumbprint reads it.
_REQUIRED_MEMBERS = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}


class JoseKeySetWriter:
    """Writes the public halves of signing keys for the key set."""

    def jwk(self, key: SigningKey, /) -> Mapping[str, Any]:
        return {
            **public_jwk(load(key).public_key),
            "kid": key.key_id,
            "use": "sig",
            "alg": key.algorithm.value,
        }

    def pem(self, key: SigningKey, /) -> str:
        public = load(key).public_key
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def public_jwk(key: PublicKey) -> Mapping[str, str]:
    """Return the required members of a public key's JWK and no others (RFC 7518 §6)."""
    jwk = _members(key)
    return {name: jwk[name] for name in _REQUIRED_MEMBERS[jwk["kty"]]}


def thumbprint(jwk: Mapping[str, Any]) -> KeyId:
    """Return the SHA-256 thumbprint of a JWK, in base64url (RFC 7638 §3)."""
    required = {name: jwk[name] for name in _REQUIRED_MEMBERS[jwk["kty"]]}
    digest = hashlib.sha256(msgspec.json.encode(required)).digest()
    return KeyId(encode_segment(digest).decode("ascii"))


def _members(key: PublicKey) -> Mapping[str, Any]:
    match key:
        case EllipticCurvePublicKey():
            return ECAlgorithm.to_jwk(key, as_dict=True)
        case RSAPublicKey():
            return RSAAlgorithm.to_jwk(key, as_dict=True)
        case Ed25519PublicKey():
            return OKPAlgorithm.to_jwk(key, as_dict=True)


_: type[KeySetWriter] = JoseKeySetWriter
