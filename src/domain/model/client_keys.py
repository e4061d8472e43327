"""Public keys that clients sign assertions with, as they are registered (RFC 7517).

Judged by their members alone: whether a key loads is for who verifies with it.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from domain.errors import InvalidRegistration
from domain.model.assertions import AssertionAlgorithm
from domain.model.uris import NEVER_IN_A_URI, is_loopback

MAX_CLIENT_KEYS: Final = 10
LEAST_MODULUS_BITS: Final = 2_048  # RFC 7518 §3.3
MOST_MODULUS_BITS: Final = 8_192
MOST_EXPONENT_BITS: Final = 64

# RFC 7518 §6: what no public key has. `k` is that of a shared secret.
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_ALGORITHMS = {
    "EC": (AssertionAlgorithm.ES256,),
    "RSA": (AssertionAlgorithm.RS256, AssertionAlgorithm.PS256),
    "OKP": (AssertionAlgorithm.EDDSA,),
}
_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("n", "e"), "OKP": ("crv", "x")}  # RFC 7518 §6
_OF_EVERY_KIND = ("kty", "kid", "use", "alg")
_COORDINATE_BYTES = 32
_P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1  # SP 800-186 §3.2.1.3
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_LEAST_EXPONENT = 3
_LONGEST_KEY_ID = 255
_LONGEST_URI = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKeys:
    """A set of public keys that was judged.

    Attributes:
        text: The JWK set in canonical JSON, of each key what verifying needs.

        algorithms: What the keys can sign with, all together.

        left_out: Names of members that some key had besides.
    """

    text: str
    algorithms: frozenset[AssertionAlgorithm]
    left_out: frozenset[str]


def read_client_keys(jwks: object) -> ClientKeys:
    """Judge a JWK set: 1 to 10 public keys, EC on P-256, RSA of 2,048 bits or more, Ed25519.

    Raises:
        InvalidRegistration: If it is anything else. The hint names a key by
            its `kid` or its place and shows nothing of what it holds.
    """
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, Sequence) or isinstance(keys, str):
        raise _refused("a JWK set with the member keys is needed")
    if not 0 < len(keys) <= MAX_CLIENT_KEYS:
        raise _refused(f"1 to {MAX_CLIENT_KEYS} keys are taken")
    judged = [_judge(key, place) for place, key in enumerate(keys, 1)]
    key_ids = [key["kid"] for key in judged if "kid" in key]
    if len(set(key_ids)) < len(key_ids):
        raise _refused("two keys have one kid")
    material = [{name: key[name] for name in _MEMBERS[key["kty"]]} for key in judged]
    if any(one in material[:place] for place, one in enumerate(material)):
        raise _refused("one key is there twice")
    return ClientKeys(
        text=json.dumps({"keys": judged}, sort_keys=True, separators=(",", ":")),
        algorithms=frozenset(algorithm for key in judged for algorithm in _signs_with(key)),
        left_out=frozenset(str(name) for key in keys for name in key.keys() - _kept(key)),
    )


def key_ids_of(jwks: str) -> tuple[str, ...]:
    """Return the `kid` of each key in a set that was judged, empty for a key without one."""
    return tuple(key.get("kid", "") for key in json.loads(jwks)["keys"])


def read_jwks_uri(text: str) -> str:
    """Read where a client publishes its keys: https, or http on loopback.

    Raises:
        InvalidRegistration: If it is anything else.
    """
    refused = InvalidRegistration(
        "an unusable jwks_uri", hint="jwks_uri: https is needed, or http on loopback"
    )
    if len(text) > _LONGEST_URI or not text.isascii() or not text.isprintable():
        raise refused
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise refused from error
    bare = "@" not in parts.netloc and "#" not in text and not NEVER_IN_A_URI & set(text)
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not (host and bare and secure):
        raise refused
    return text


def _judge(key: object, place: int) -> dict[str, str]:
    """Return what is kept of one key."""
    if not isinstance(key, Mapping):
        raise _refused(f"key {place} is not an object")
    key_id = key.get("kid")
    named = f"key {key_id}" if isinstance(key_id, str) and key_id else f"key {place}"
    if flaw := _flaw(key):
        raise _refused(f"{named}: {flaw}")
    return {name: key[name] for name in _kept(key) if name in key}


def _flaw(key: Mapping[str, object]) -> str:
    if PRIVATE_MEMBERS & key.keys():
        return "it is not public"
    if "kid" in key and not _is_key_id(key["kid"]):
        return f"kid has to be a text of 1 to {_LONGEST_KEY_ID} characters, all printable"
    if key.get("use", "sig") != "sig" or key.get("key_ops", ["verify"]) != ["verify"]:
        return "it is not for signatures alone"
    if not _is_of_a_kind_taken(key):
        return f"need EC on P-256, RSA of {LEAST_MODULUS_BITS} bits or more, or OKP on Ed25519"
    if "alg" in key and key["alg"] not in _fitting(key):
        return "its alg does not fit it"
    return ""


def _is_key_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_KEY_ID and value.isprintable()


def _is_of_a_kind_taken(key: Mapping[str, object]) -> bool:
    match key.get("kty"), key.get("crv"):
        case "EC", "P-256":
            return _is_on_p256(_octets(key.get("x")), _octets(key.get("y")))
        case "OKP", "Ed25519":
            return len(_octets(key.get("x"))) == _COORDINATE_BYTES
        case "RSA", None:
            modulus = int.from_bytes(_octets(key.get("n")))
            exponent = int.from_bytes(_octets(key.get("e")))
            return (
                LEAST_MODULUS_BITS <= modulus.bit_length() <= MOST_MODULUS_BITS
                and exponent >= _LEAST_EXPONENT
                and exponent.bit_length() <= MOST_EXPONENT_BITS
                and exponent % 2 == 1
            )
        case _:
            return False


def _is_on_p256(x_octets: bytes, y_octets: bytes) -> bool:
    if not len(x_octets) == len(y_octets) == _COORDINATE_BYTES:
        return False
    x, y = int.from_bytes(x_octets), int.from_bytes(y_octets)
    on_curve = (y * y - (x * x * x - 3 * x + _P256_B)) % _P256_PRIME == 0
    return max(x, y) < _P256_PRIME and on_curve


def _fitting(key: Mapping[str, object]) -> tuple[AssertionAlgorithm, ...]:
    """Return what a key of a kind that is taken can sign with (RFC 8725 §3.1)."""
    return _ALGORITHMS[str(key["kty"])]


def _signs_with(key: Mapping[str, str]) -> tuple[AssertionAlgorithm, ...]:
    return (AssertionAlgorithm(key["alg"]),) if "alg" in key else _fitting(key)


def _kept(key: Mapping[str, object]) -> frozenset[str]:
    return frozenset((*_OF_EVERY_KIND, *_MEMBERS[str(key["kty"])]))


def _octets(value: object) -> bytes:
    """Decode unpadded base64url, written in its one way; nothing for what is none."""
    if not isinstance(value, str):
        return b""
    try:
        octets = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return b""
    return octets if urlsafe_b64encode(octets).rstrip(b"=").decode() == value else b""


def _refused(requirement: str) -> InvalidRegistration:
    return InvalidRegistration("unusable client keys", hint=f"jwks: {requirement}")
