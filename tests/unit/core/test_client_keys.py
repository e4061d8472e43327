import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from domain.errors import InvalidRegistration
from domain.model.assertions import AssertionAlgorithm
from domain.model.client_keys import key_ids_of, read_client_keys, read_jwks_uri


def number(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


OCTETS = bytes(range(1, 33))
EC = {  # seven times the base point
    "kty": "EC",
    "crv": "P-256",
    "x": "jlM7b6C_e0YluzBmfAH7YH75-LioD-9bMAYocDGHsqM",
    "y": "c-sdveAzGDZtBp-DpvWQAFPHNjPLBBshxV4ahsH0ALQ",
}
ED25519 = {"kty": "OKP", "crv": "Ed25519", "x": number(OCTETS)}
RSA = {"kty": "RSA", "n": number(b"\xff" * 256), "e": "AQAB"}
A_KIND = "need EC on P-256"


def set_of(*keys: object) -> dict[str, Any]:
    return {"keys": list(keys)}


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (EC, {"ES256"}),
        (RSA, {"RS256", "PS256"}),
        (RSA | {"alg": "PS256"}, {"PS256"}),
        (RSA | {"n": number(b"\xff" * 1_024)}, {"RS256", "PS256"}),
        (RSA | {"n": number(b"\x00" + b"\x80" * 256)}, {"RS256", "PS256"}),
        (ED25519, {"EdDSA"}),
        (ED25519 | {"use": "sig", "key_ops": ["verify"]}, {"EdDSA"}),
    ],
)
def test_a_key_that_can_sign_assertions_is_taken(key: object, algorithms: set[str]) -> None:
    """Its type decides what it can sign with, and its alg may narrow that (RFC 8725 §3.1)."""
    keys = read_client_keys(set_of(key))

    assert keys.algorithms == {AssertionAlgorithm(one) for one in algorithms}


def test_a_set_is_kept_as_canonical_json_with_what_verifying_needs() -> None:
    keys = read_client_keys(set_of({"x5c": ["…"], "kid": "b", **EC}, ED25519))

    assert keys.text == json.dumps(
        set_of(EC | {"kid": "b"}, ED25519), sort_keys=True, separators=(",", ":")
    )
    assert keys.left_out == {"x5c"}
    assert key_ids_of(keys.text) == ("b", "")


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_key_that_is_not_public_is_refused_by_its_kid_alone(member: str) -> None:
    """Nothing of what it holds is shown."""
    with pytest.raises(InvalidRegistration) as refusal:
        read_client_keys(set_of(EC, RSA | {"kid": "mine", member: "c2VjcmV0"}))

    assert refusal.value.hint == "jwks: key mine: it is not public"


@pytest.mark.parametrize(
    ("jwks", "hint"),
    [
        (None, "a JWK set"),
        ([EC], "a JWK set"),
        ({}, "a JWK set"),
        ({"keys": "EC"}, "a JWK set"),
        ({"keys": EC}, "a JWK set"),
        (set_of(), "1 to 10 keys"),
        (set_of(*[EC] * 11), "1 to 10 keys"),
        (set_of(EC, "EC"), "key 2 is not an object"),
        (set_of(EC | {"kid": "a"}, RSA | {"kid": "a"}), "two keys have one kid"),
        (set_of(EC, EC | {"kid": ""}), "key 2: kid has to be"),
        (set_of(EC | {"kid": 1}), "key 1: kid has to be"),
        (set_of(EC | {"kid": "a" * 256}), f"key {'a' * 256}: kid has to be"),
        (set_of(EC | {"kid": "a\ud800"}), "key a?: kid has to be"),
        (set_of(EC | {"use": "enc"}), "key 1: it is not for signatures"),
        (set_of(EC | {"key_ops": ["deriveKey"]}), "key 1: it is not for signatures"),
        (set_of(EC | {"alg": "ES384"}), "key 1: its alg"),
        (set_of(EC | {"alg": []}), "key 1: its alg"),
        (set_of(RSA | {"alg": "ES256"}), "key 1: its alg"),
        (set_of({"kty": "oct"}), f"key 1: {A_KIND}"),
        (set_of({"kty": []}), f"key 1: {A_KIND}"),
        (set_of({}), f"key 1: {A_KIND}"),
        (set_of(EC | {"crv": "P-384"}), f"key 1: {A_KIND}"),
        (set_of(EC | {"y": number(OCTETS[1:])}), f"key 1: {A_KIND}"),
        (set_of(EC | {"x": EC["x"] + "="}), f"key 1: {A_KIND}"),
        (set_of(EC | {"x": EC["x"][:-1] + "N"}), f"key 1: {A_KIND}"),
        (set_of(EC | {"x": number(OCTETS)}), f"key 1: {A_KIND}"),
        (set_of(EC, ED25519, EC | {"kid": "again"}), "one key is there twice"),
        (set_of(EC | {"x": "é" * 43}), f"key 1: {A_KIND}"),
        (set_of(EC | {"x": "a"}), f"key 1: {A_KIND}"),
        (set_of(EC | {"x": 7}), f"key 1: {A_KIND}"),
        (set_of(ED25519 | {"crv": "X25519"}), f"key 1: {A_KIND}"),
        (set_of(ED25519 | {"x": number(OCTETS + b"1")}), f"key 1: {A_KIND}"),
        (set_of(RSA | {"n": number(b"\x7f" + b"\xff" * 255)}), f"key 1: {A_KIND}"),
        (set_of(RSA | {"n": number(b"\xff" * 1_025)}), f"key 1: {A_KIND}"),
        (set_of(RSA | {"e": "AQ"}), f"key 1: {A_KIND}"),
        (set_of(RSA | {"e": "AQAA"}), f"key 1: {A_KIND}"),
        (set_of(RSA | {"e": number(b"\xff" * 9)}), f"key 1: {A_KIND}"),
    ],
)
def test_any_other_set_is_refused(jwks: object, hint: str) -> None:
    with pytest.raises(InvalidRegistration) as refusal:
        read_client_keys(jwks)

    assert refusal.value.hint.startswith(f"jwks: {hint}")


@pytest.mark.parametrize(
    "uri",
    [
        "https://keys.example",
        "https://keys.example:8443/jwks.json?v=1",
        "http://127.0.0.1:9000/jwks",
        "http://localhost/jwks",
        "http://[::1]:9000/jwks",
    ],
)
def test_keys_may_be_published_over_https_or_on_loopback(uri: str) -> None:
    assert read_jwks_uri(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "keys.example/jwks",
        "http://keys.example/jwks",
        "http://127.0.0.1.keys.example/jwks",
        "http://10.0.0.1/jwks",
        "ftp://127.0.0.1/jwks",
        "file:///etc/passwd",
        "https:///jwks",
        "https://user:word@keys.example/jwks",
        "https://keys.example/jwks#first",
        "https://keys.example/a b",
        "https://keys.example/ä",
        "https://keys.example:port/jwks",
        "https://[::1/jwks",
        "https://keys.example/" + "a" * 2_048,
    ],
)
def test_keys_may_not_be_published_anywhere_else(uri: str) -> None:
    with pytest.raises(InvalidRegistration) as refusal:
        read_jwks_uri(uri)

    assert refusal.value.hint == "jwks_uri: https is needed, or http on loopback"
