"""JOSE headers of ours: written, and that of access tokens read (RFC 7515 §4)."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from adapters.jose.segments import decode_segment, encode_segment, read_object
from domain.model.keys import KeyId, SigningAlgorithm

ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105  (a media type, RFC 9068 §2.1)
INTROSPECTION: Final = "token-introspection+jwt"  # RFC 9701 §5

# RFC 9068 §4: a verifier takes both; media types know no case (RFC 7515 §4.1.9).
_TYPES = frozenset({ACCESS_TOKEN, f"application/{ACCESS_TOKEN}"})
_REMEMBERED = 256
_LONGEST_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Header:
    algorithm: str
    key_id: str


def write_header(typ: str, algorithm: SigningAlgorithm, key_id: KeyId) -> bytes:
    """Return the encoded header, the same for every JWT of one type and key."""
    return encode_segment(msgspec.json.encode({"typ": typ, "alg": algorithm, "kid": key_id}))


def read_header(segment: bytes) -> Header:
    """Read the encoded header of an access token.

    Members that carry or point to a key (`jwk`, `jku`, `x5c`, `x5u`) are not
    looked at: only `kid` names one, and only one of ours.

    Raises:
        ValueError: If it is of another type, or demands
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
