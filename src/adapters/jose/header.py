"""The JOSE header of an access token (RFC 7515 §4, RFC 9068 §2.1)."""

from dataclasses import dataclass
from functools import lru_cache

import msgspec

from adapters.jose.segments import decode_segment, encode_segment, read_object
from domain.model.keys import KeyId, SigningAlgorithm

_TYPE = "at+jwt"
# RFC 9068 §4: a verifier takes both; media types know no case (RFC 7515 §4.1.9).
_TYPES = frozenset({_TYPE, f"application/{_TYPE}"})
_REMEMBERED = 256
_LONGEST_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Header:
    algorithm: str
    key_id: str


def write_header(algorithm: SigningAlgorithm, key_id: KeyId) -> bytes:
    """Return the encoded header, the same for every token of a key."""
    return encode_segment(msgspec.json.encode({"typ": _TYPE, "alg": algorithm, "kid": key_id}))


def read_header(segment: bytes) -> Header:
    """Read an encoded header.

    Members that carry or point to a key (`jwk`, `jku`, `x5c`, `x5u`) are not
    looked at: only `kid` names one, and only one of ours.

    Raises:
        ValueError: If it is not that of an access token, or demands
            extensions (RFC 7515 §4.1.11).
    """
    if len(segment) > _LONGEST_REMEMBERED:
        return _parse(segment)
    return _parse_remembered(segment)


def _parse(segment: bytes) -> Header:
    members = read_object(decode_segment(segment))
    typ, algorithm, key_id = members.get("typ"), members.get("alg"), members.get("kid")
    if not isinstance(typ, str) or typ.lower() not in _TYPES:
        raise ValueError("typ is not at+jwt")
    if not isinstance(algorithm, str) or not isinstance(key_id, str):
        raise ValueError("alg or kid is missing")  # noqa: TRY004  (of the text, not of a type)
    if "crit" in members:
        raise ValueError("crit is not understood")
    return Header(algorithm, key_id)


_parse_remembered = lru_cache(maxsize=_REMEMBERED)(_parse)
