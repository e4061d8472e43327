"""Key making, the published key set, thumbprints."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from adapters.jose.jwks import JoseKeySetWriter, public_jwk, thumbprint
from adapters.jose.keys import JoseKeyMaker, signing_key
from adapters.jose.loaded_key import load
from domain.model.keys import KeyState, SigningAlgorithm, SigningKey

VECTORS = Path(__file__).parents[2] / "vectors" / "jose" / "thumbprints.json"

PUBLIC_MEMBERS = {
    SigningAlgorithm.ES256: {"kty", "crv", "x", "y"},
    SigningAlgorithm.RS256: {"kty", "n", "e"},
    SigningAlgorithm.EDDSA: {"kty", "crv", "x"},
}


def octets(member: str) -> bytes:
    return base64.urlsafe_b64decode(member + "=" * (-len(member) % 4))


@pytest.mark.parametrize(
    "vector", json.loads(VECTORS.read_text()), ids=lambda vector: vector["source"]
)
def test_thumbprint_is_that_of_the_rfc(vector: Mapping[str, Any]) -> None:
    """RFC 7638 §3: of the required members alone, whatever else the JWK holds."""
    assert thumbprint(vector["jwk"]) == vector["thumbprint"]


def test_a_made_key_is_named_by_its_thumbprint(key: SigningKey) -> None:
    """The id follows from the key, and the schedule from the caller."""
    jwk = JoseKeySetWriter().jwk(key)
    assert key.key_id == thumbprint(jwk)
    assert key.schedule.state(key.schedule.activate_at) is KeyState.ACTIVE
    assert key.schedule.remove_at is None


def test_two_made_keys_differ(key: SigningKey) -> None:
    """Each call makes a new one."""
    again = JoseKeyMaker().make(key.algorithm, activate_at=key.schedule.activate_at)
    assert again.key_id != key.key_id


def test_the_published_key_is_public(key: SigningKey) -> None:
    """JWK-002, JWK-003: no private member, and `kid`, `use`, `alg` on every key."""
    jwk = JoseKeySetWriter().jwk(key)
    assert jwk.keys() == PUBLIC_MEMBERS[key.algorithm] | {"kid", "use", "alg"}
    assert (jwk["kid"], jwk["use"], jwk["alg"]) == (key.key_id, "sig", key.algorithm.value)
    json.dumps(dict(jwk))


def test_the_public_half_is_written_as_pem(key: SigningKey) -> None:
    """The same key that the JWK is, and no other half."""
    pem = JoseKeySetWriter().pem(key)
    assert pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert load_pem_public_key(pem.encode()) == load(key).public_key


def test_rsa_numbers_are_written_without_leading_zeros(
    keys: Mapping[SigningAlgorithm, SigningKey],
) -> None:
    """JWK-004: 2,048 bits in 256 bytes (RFC 7518 §6.3.1.1)."""
    jwk = JoseKeySetWriter().jwk(keys[SigningAlgorithm.RS256])
    assert len(octets(jwk["n"])) == 256
    assert octets(jwk["n"])[0] >= 0x80
    assert jwk["e"] == "AQAB"


def test_ec_coordinates_are_written_in_full_length() -> None:
    """JWK-004: a coordinate that begins with zeros keeps them (RFC 7518 §6.2.1.2)."""
    jwk = public_jwk(_with_a_short_coordinate().public_key())
    assert len(octets(jwk["x"])) == len(octets(jwk["y"])) == 32
    assert b"\0" in (octets(jwk["x"])[:1], octets(jwk["y"])[:1])


def _with_a_short_coordinate() -> ec.EllipticCurvePrivateKey:
    for value in range(1, 10_000):
        key = ec.derive_private_key(value, ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        if min(numbers.x, numbers.y) < 1 << 248:
            return key
    raise AssertionError("no such key")


def test_no_key_shows_its_material(key: SigningKey) -> None:
    """Neither the bytes nor their base64 are in a `repr`."""
    assert repr(key.material) not in repr(key)
    assert base64.b64encode(key.material).decode()[40:80] not in repr(key)


def test_signing_key_survives_its_stored_form(key: SigningKey) -> None:
    """PKCS #8 in DER gives the same key back, by the same id."""
    again = signing_key(load(key).private_key, activate_at=key.schedule.activate_at)
    assert (again.key_id, again.algorithm) == (key.key_id, key.algorithm)
    assert "private_key" not in repr(load(key))
