"""JWSs in compact serialisation, taken apart (RFC 7515 §7.1)."""

from dataclasses import dataclass, field
from typing import Final, Self

from adapters.jose.segments import decode_segment

LONGEST: Final = 16 * 1_024  # characters; longer ones are not looked into

_SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class CompactJws:
    """The three parts of a compact JWS. Nothing about them is proved.

    Attributes:
        header: Still encoded.
    """

    header: bytes
    payload: bytes
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Take apart what `octets_of` let through.

        Raises:
            ValueError: If it is not three segments of canonical base64url.
        """
        segments = text.split(b".", _SEGMENTS)
        if len(segments) != _SEGMENTS:
            raise ValueError("not three segments")
        header, payload, signature = segments
        return cls(
            header=header,
            payload=decode_segment(payload),
            signing_input=header + b"." + payload,
            signature=decode_segment(signature),
        )


def octets_of(text: str) -> bytes:
    """Return *text* as octets.

    Raises:
        ValueError: If it is too long for a JWS, or not ASCII.
    """
    if len(text) > LONGEST:
        raise ValueError("too long")
    if not text.isascii():
        raise ValueError("not ASCII")
    return text.encode("ascii")
