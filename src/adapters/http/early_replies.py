"""What is answered to requests that never reach the application."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self

from adapters.http.presenters import json_reply
from adapters.http.reply import NO_STORE, Fields, Reply
from domain.errors import ContentTooLarge, ErrorCode, InvalidRequest, Overloaded


@dataclass(frozen=True, slots=True)
class EarlyReply:
    """A refusal, with which the connection ends unless what follows can still be read."""

    error: ErrorCode
    reply: Reply

    @classmethod
    def make(cls, status: HTTPStatus, error: ErrorCode, sentence: str, fields: Fields = ()) -> Self:
        members = {"error": error, "error_description": sentence}
        return cls(error, json_reply(members, status=status.value, fields=(*NO_STORE, *fields)))


class Refused(Exception):
    """Reading a request ends here, with this answer."""

    def __init__(self, reply: EarlyReply) -> None:
        super().__init__(reply)
        self.reply = reply


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
