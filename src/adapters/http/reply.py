"""An answer, and how it goes over the wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final

Fields = tuple[tuple[bytes, bytes], ...]

NO_STORE: Final[Fields] = (
    (b"cache-control", b"no-store"),  # RFC 6749 §5.1
    (b"pragma", b"no-cache"),
)

_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
_CLOSE: Final = b"connection: close\r\n"


@dataclass(slots=True, eq=False)
class Reply:
    """What is answered.

    Attributes:
        fields: The header fields that are this answer's own, beside those of every one.
    """

    body: bytes
    fields: Fields = NO_STORE
    status: int = 200

    def encode(
        self,
        request_id: str,
        server_fields: Sequence[tuple[bytes, bytes]],
        *,
        is_last: bool,
        without_body: bool = False,
    ) -> bytes:
        """Return the bytes of it.

        Args:
            server_fields: What the server says in every answer, such as the date.

            is_last: Whether the connection ends with it.

            without_body: As HEAD asks for it.
        """
        return b"%b%bx-request-id: %b\r\n%bcontent-length: %d\r\n\r\n%b" % (
            _start(self.status, self.fields),
            _lines(tuple(server_fields)),
            request_id.encode("ascii"),
            _CLOSE if is_last else b"",
            len(self.body),
            b"" if without_body else self.body,
        )


@lru_cache(maxsize=256)
def _start(status: int, fields: Fields) -> bytes:
    """Return the status line, and the fields that are the same in every answer of a kind."""
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    return line.encode("ascii") + _lines((*fields, _NO_SNIFF))


@lru_cache(maxsize=256)
def _lines(fields: Fields) -> bytes:
    return b"".join(b"%b: %b\r\n" % field for field in fields)
