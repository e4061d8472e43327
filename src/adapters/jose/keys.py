"""Making signing keys."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from adapters.jose.jwks import public_jwk, thumbprint
from adapters.jose.loaded_key import LEAST_RSA_BITS, PrivateKey, algorithm_of, pkcs8
from domain.model.keys import KeySchedule, SigningAlgorithm, SigningKey
from domain.ports.signing import KeyMaker

_RSA_EXPONENT = 65_537


class JoseKeyMaker:
    """Makes P-256, RSA of 2,048 bits, and Ed25519 keys."""

    def make(self, algorithm: SigningAlgorithm, /, *, activate_at: datetime) -> SigningKey:
        return signing_key(_generate(algorithm), activate_at=activate_at)


def signing_key(private_key: PrivateKey, *, activate_at: datetime) -> SigningKey:
    """Return *private_key* as the core keeps it, its id the RFC 7638 thumbprint."""
    return SigningKey(
        key_id=thumbprint(public_jwk(private_key.public_key())),
        algorithm=algorithm_of(private_key),
        schedule=KeySchedule(activate_at=activate_at),
        material=pkcs8(private_key),
    )


def _generate(algorithm: SigningAlgorithm) -> PrivateKey:
    match algorithm:
        case SigningAlgorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case SigningAlgorithm.RS256:
            return rsa.generate_private_key(_RSA_EXPONENT, LEAST_RSA_BITS)
        case SigningAlgorithm.EDDSA:
            return ed25519.Ed25519PrivateKey.generate()


_: type[KeyMaker] = JoseKeyMaker
