"""What is answered to requests that never reach the application."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Self

from adapters.http.presenters import json_reply
from adapters.http.reply import NO_STORE, Fields
from domain.errors import ContentTooLarge, ErrorCode, InvalidRequest, Overloaded


@dataclass(frozen=True, slots=True)
class EarlyReply:
    """A refusal as it goes over the wire, after which the connection ends."""

    status: HTTPStatus
    error: ErrorCode
    _status_line: bytes
    _fields_and_body: bytes = field(repr=False)

    @classmethod
    def make(cls, status: HTTPStatus, error: ErrorCode, sentence: str, fields: Fields = ()) -> Self:
        reply = json_reply(
            {"error": error, "error_description": sentence},
            fields=(
                *NO_STORE,
                (b"x-content-type-options", b"nosniff"),
                (b"connection", b"close"),
                *fields,
            ),
        )
        length = (b"content-length", b"%d" % len(reply.body))
        return cls(
            status,
            error,
            b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()),
            _field_lines((*reply.fields, length)) + b"\r\n" + reply.body,
        )

    def encode(self, server_fields: Iterable[tuple[bytes, bytes]], request_id: str) -> bytes:
        """Return its bytes, with what the server says in every answer, such as the date."""
        own = (b"x-request-id", request_id.encode("latin-1"))
        return self._status_line + _field_lines((*server_fields, own)) + self._fields_and_body


class Refused(Exception):
    """Reading a request ends here, with this answer."""

    def __init__(self, reply: EarlyReply) -> None:
        super().__init__(reply)
        self.reply = reply


def _field_lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % field for field in fields)


def _invalid(status: HTTPStatus, sentence: str) -> EarlyReply:
    return EarlyReply.make(status, ErrorCode.INVALID_REQUEST, sentence)


MALFORMED: Final = _invalid(HTTPStatus.BAD_REQUEST, InvalidRequest.description)
CONTENT_TOO_LARGE: Final = _invalid(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, ContentTooLarge.description
)
TARGET_TOO_LONG: Final = _invalid(HTTPStatus.REQUEST_URI_TOO_LONG, ContentTooLarge.description)
HEAD_TOO_LARGE: Final = _invalid(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, ContentTooLarge.description
)
TOO_SLOW: Final = _invalid(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
UNKNOWN_METHOD: Final = _invalid(
    HTTPStatus.NOT_IMPLEMENTED, "This server does not know that method."
)
UNKNOWN_CODING: Final = _invalid(
    HTTPStatus.NOT_IMPLEMENTED, "This server knows no transfer coding but chunked."
)
UNKNOWN_VERSION: Final = _invalid(
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "This server speaks HTTP/1.1."
)
OVERLOADED: Final = EarlyReply.make(
    HTTPStatus.SERVICE_UNAVAILABLE,
    Overloaded.code,
    Overloaded.description,
    ((b"retry-after", b"1"),),
)
