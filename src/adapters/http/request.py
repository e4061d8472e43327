"""A request as endpoints see it: whole, and with what is known of who sent it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from adapters.http.reply import Reply
from domain.model.certificates import ClientCertificate

MAX_BODY: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection.

    Attributes:
        address: Empty if it has none.

        certificate: That TLS has verified, if it has one.
    """

    address: str
    scheme: Literal["http", "https"] = "http"
    certificate: ClientCertificate | None = None


class Request:
    """A request.

    Args:
        request_id: Made here. An id that came along could be anything.

    Attributes:
        path: Decoded.

        query: As it was sent.

        headers: The header fields in their order, their names in lower case.

        fields: The same by name, of those with one name the last.
    """

    __slots__ = ("body", "fields", "headers", "method", "path", "peer", "query", "request_id")

    def __init__(  # noqa: PLR0917  (as a request has them; it is made for each)
        self,
        request_id: str,
        method: str,
        path: str,
        query: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        peer: Peer,
        body: bytes = b"",
    ) -> None:
        self.request_id = request_id
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.fields: Mapping[bytes, bytes] = dict(headers)
        self.peer = peer
        self.body = body

    @property
    def scheme(self) -> str:
        return self.peer.scheme

    def values(self, name: bytes) -> Sequence[bytes]:
        """Return what each field of that name says."""
        if len(self.fields) < len(self.headers):
            return [value for given, value in self.headers if given == name]
        value = self.fields.get(name)
        return () if value is None else (value,)


Answers = Callable[[Request], Awaitable[Reply]]
"""What answers requests."""
