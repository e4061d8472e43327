"""The JOSE header of a client assertion (RFC 7515 §4, RFC 10070 §4)."""

from dataclasses import dataclass
from typing import Any

from adapters.jose.segments import decode_segment, read_object
from domain.model.assertions import AssertionAlgorithm

# Without `typ`, or with plain `JWT`, assertions are as common as they ever were.
_TYPES = frozenset({"jwt", "client-authentication+jwt"})
_ALGORITHMS = frozenset(AssertionAlgorithm)


@dataclass(frozen=True, slots=True)
class AssertionHeader:
    algorithm: AssertionAlgorithm
    key_id: str | None


def read_assertion_header(segment: bytes) -> AssertionHeader:
    """Read an encoded header.

    Members that carry or point to a key (`jwk`, `jku`, `x5c`, `x5u`) are not
    looked at: a client's keys are those it registered.

    Raises:
        ValueError: If it is that of another kind of JWT, has an algorithm
            that we do not take, or demands extensions (RFC 7515 §4.1.11,
            RFC 7797).
    """
    members = read_object(decode_segment(segment))
    if "typ" in members and not _is_assertion(members["typ"]):
        raise ValueError("typ is not that of a client assertion")
    if "crit" in members or "b64" in members:
        raise ValueError("crit or b64 is not understood")
    key_id = members.get("kid")
    if "kid" in members and not isinstance(key_id, str):
        raise ValueError("kid is not a string")
    algorithm = members.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise ValueError("alg is not one that we take")
    return AssertionHeader(AssertionAlgorithm(algorithm), key_id)


def _is_assertion(typ: Any) -> bool:  # noqa: ANN401  (whatever JSON holds)
    """Media types know no case, and may leave out `application/` (RFC 7515 §4.1.9)."""
    return isinstance(typ, str) and typ.lower().removeprefix("application/") in _TYPES
