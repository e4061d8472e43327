"""The public keys of clients: JWK sets, read strictly (RFC 7517 §5, RFC 7518 §6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import Algorithm, RSAPSSAlgorithm

from adapters.jose.loaded_key import JWS, PublicKey
from adapters.jose.segments import decode_segment, read_object
from domain.model.assertions import AssertionAlgorithm
from domain.model.client_keys import (
    LEAST_MODULUS_BITS,
    MOST_EXPONENT_BITS,
    MOST_MODULUS_BITS,
    PRIVATE_MEMBERS,
)
from domain.model.keys import SigningAlgorithm

_P256_BYTES = 32
_REMEMBERED = 256

_JWS: Final[Mapping[AssertionAlgorithm, Algorithm]] = {
    AssertionAlgorithm.ES256: JWS[SigningAlgorithm.ES256],
    AssertionAlgorithm.RS256: JWS[SigningAlgorithm.RS256],
    AssertionAlgorithm.PS256: RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    AssertionAlgorithm.EDDSA: JWS[SigningAlgorithm.EDDSA],
}

_RSA_ALGORITHMS = frozenset({AssertionAlgorithm.RS256, AssertionAlgorithm.PS256})


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A public key and what it may verify: its type decides, its `alg` may narrow it."""

    key_id: str | None
    algorithms: frozenset[AssertionAlgorithm]
    public_key: PublicKey = field(repr=False)

    def verify(self, algorithm: AssertionAlgorithm, message: bytes, signature: bytes) -> bool:
        return algorithm in self.algorithms and _JWS[algorithm].verify(
            message, self.public_key, signature
        )


def select(
    keys: tuple[ClientKey, ...], algorithm: AssertionAlgorithm, key_id: str | None
) -> ClientKey:
    """Return the one key that a header can mean.

    Raises:
        ValueError: If there is none, or more than one.
    """
    possible = [
        key
        for key in keys
        if algorithm in key.algorithms and (key_id is None or key.key_id == key_id)
    ]
    if len(possible) != 1:
        raise ValueError("no key fits" if not possible else "more than one key fits")
    return possible[0]


@lru_cache(maxsize=_REMEMBERED)
def read_client_keys(jwks: str) -> tuple[ClientKey, ...]:
    """Read a JWK set, remembered by its text.

    Keys that we have no use for are passed over (RFC 7517 §5).

    Raises:
        ValueError: If it is no JWK set, or holds what should be secret: a
            private or symmetric key.
    """
    members = read_object(jwks.encode()).get("keys")
    if not isinstance(members, list):
        raise ValueError("not a JWK set")  # noqa: TRY004  (of the text, not of a type of ours)
    keys = []
    for jwk in members:
        if not isinstance(jwk, dict):
            raise ValueError("not a JWK set")  # noqa: TRY004  (likewise)
        if jwk.get("kty") == "oct" or not PRIVATE_MEMBERS.isdisjoint(jwk):
            raise ValueError("the JWK set holds a secret key")
        if (key := _read_key(jwk)) is not None:
            keys.append(key)
    return tuple(keys)


def _read_key(jwk: Mapping[str, Any]) -> ClientKey | None:
    key_id, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if key_id is not None and not isinstance(key_id, str):
        return None
    if jwk.get("use", "sig") != "sig":
        return None
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        public_key, algorithms = _read_material(jwk)
    except (KeyError, ValueError):
        return None
    if "alg" in jwk:
        algorithms &= {jwk["alg"]} if isinstance(jwk["alg"], str) else set()
    return ClientKey(key_id, algorithms, public_key) if algorithms else None


def _read_material(jwk: Mapping[str, Any]) -> tuple[PublicKey, frozenset[AssertionAlgorithm]]:
    match jwk.get("kty"), jwk.get("crv"):
        case "EC", "P-256":
            return _p256(jwk), frozenset({AssertionAlgorithm.ES256})
        case "RSA", _:
            return _rsa(jwk), _RSA_ALGORITHMS
        case "OKP", "Ed25519":
            octets = _octets(jwk, "x")
            public_key = ed25519.Ed25519PublicKey.from_public_bytes(octets)
            return public_key, frozenset({AssertionAlgorithm.EDDSA})
        case _:
            raise ValueError("a key of a kind that we have no use for")


def _p256(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    x, y = _octets(jwk, "x"), _octets(jwk, "y")
    if not len(x) == len(y) == _P256_BYTES:
        raise ValueError("a coordinate of another length")
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x), int.from_bytes(y), curve=ec.SECP256R1()
    )
    return numbers.public_key()


def _rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = int.from_bytes(_octets(jwk, "n")), int.from_bytes(_octets(jwk, "e"))
    if not LEAST_MODULUS_BITS <= modulus.bit_length() <= MOST_MODULUS_BITS:
        raise ValueError("a modulus too short, or too long to compute with")
    if exponent.bit_length() > MOST_EXPONENT_BITS:
        raise ValueError("an exponent too long to compute with")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _octets(jwk: Mapping[str, Any], member: str) -> bytes:
    text = jwk[member]
    if not isinstance(text, str):
        raise ValueError(f"{member} is not a string")  # noqa: TRY004  (of the text)
    return decode_segment(text.encode())
