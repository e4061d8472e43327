"""The parts of a compact JWS: unpadded base64url around JSON objects (RFC 7515 §3.1)."""

import base64
import json
from typing import Any

from adapters.strict_json import refuse_constant, require_unique


def encode_segment(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def decode_segment(segment: bytes) -> bytes:
    """Decode the one canonical encoding: no padding, no other character, no stray bits.

    Raises:
        ValueError: If *segment* is anything else.
    """
    octets = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    if encode_segment(octets) != segment:
        raise ValueError("not canonical base64url")
    return octets


def read_object(octets: bytes) -> dict[str, Any]:
    """Read a JSON object in which no member comes twice, at any depth (RFC 7515 §4).

    Raises:
        ValueError: If it is anything else, or nested deeper than Python can go.
    """
    try:
        value = _DECODER.decode(octets.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  (of the text, not of a type of ours)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=require_unique, parse_constant=refuse_constant)
