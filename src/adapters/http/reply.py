"""An answer, before it is one of HTTP's."""

from dataclasses import dataclass
from typing import Final

Fields = tuple[tuple[bytes, bytes], ...]

NO_STORE: Final[Fields] = (
    (b"cache-control", b"no-store"),  # RFC 6749 §5.1
    (b"pragma", b"no-cache"),
)


@dataclass(slots=True, eq=False)
class Reply:
    """What is answered.

    Attributes:
        fields: The header fields that are this answer's own; `Application`
            adds what is said in every one.
    """

    body: bytes
    fields: Fields = NO_STORE
    status: int = 200
