"""A request as endpoints see it: whole, and with what is known of who sent it."""

from collections.abc import Sequence
from typing import Final

from adapters.request_record import RequestRecord
from domain.model.events import Origin

MAX_BODY: Final = 64 * 1024


class Request:
    """A request.

    Args:
        headers: The header fields in their order, their names in lower case.

    Attributes:
        query: As it was sent.

        record: To be filled in with what only an endpoint knows.
    """

    __slots__ = ("_fields", "_headers", "body", "origin", "query", "record")

    def __init__(
        self,
        headers: Sequence[tuple[bytes, bytes]],
        *,
        query: bytes = b"",
        body: bytes = b"",
        origin: Origin,
        record: RequestRecord,
    ) -> None:
        self.query = query
        self.body = body
        self.origin = origin
        self.record = record
        self._headers = headers
        self._fields = dict(headers)

    def values(self, name: bytes) -> Sequence[bytes]:
        """Return what each field of that name says."""
        if len(self._fields) < len(self._headers):
            return [value for given, value in self._headers if given == name]
        value = self._fields.get(name)
        return () if value is None else (value,)
