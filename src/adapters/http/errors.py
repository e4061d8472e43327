"""How refusals are written: one total table, one function (RFC 6749 §5.2)."""

import logging
import math
from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from adapters.http.presenters import json_reply
from adapters.http.reply import NO_STORE, Fields, Reply
from adapters.request_record import RequestRecord
from domain.errors import (
    ContentTooLarge,
    ErrorCode,
    GrantdError,
    Internal,
    MethodNotAllowed,
    NotFound,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
)

STATUS: Final[dict[ErrorCode, int]] = {
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.INVALID_CLIENT: 401,
    ErrorCode.INVALID_GRANT: 400,
    ErrorCode.UNAUTHORIZED_CLIENT: 400,
    ErrorCode.UNSUPPORTED_GRANT_TYPE: 400,
    ErrorCode.INVALID_SCOPE: 400,
    ErrorCode.INVALID_TARGET: 400,
    ErrorCode.INVALID_TOKEN: 401,
    ErrorCode.INSUFFICIENT_SCOPE: 403,
    ErrorCode.INVALID_CLIENT_METADATA: 400,
    ErrorCode.CLIENT_NOT_FOUND: 404,
    ErrorCode.CLIENT_EXISTS: 409,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.ALREADY_EXISTS: 409,
    ErrorCode.CONFLICT: 409,
    ErrorCode.TOO_MANY_REQUESTS: 429,  # RFC 6585 §4
    ErrorCode.TEMPORARILY_UNAVAILABLE: 503,
    ErrorCode.SERVER_ERROR: 500,
}

# The same code in OAuth, a more exact status in HTTP (RFC 9110 §15.5).
STATUS_OF_CLASS: Final[dict[type[GrantdError], int]] = {
    NotFound: 404,
    MethodNotAllowed: 405,
    ContentTooLarge: 413,
    UnsupportedMediaType: 415,
}

_CHALLENGES: Final[Mapping[ErrorCode, Fields]] = {
    ErrorCode.INVALID_CLIENT: ((b"www-authenticate", b'Basic realm="grantd"'),),
    ErrorCode.INVALID_TOKEN: (
        (b"www-authenticate", b'Bearer realm="grantd", error="invalid_token"'),
    ),
}

_log = logging.getLogger(__name__)


class _ErrorReply(Struct):
    error: str
    error_description: str
    hint: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET


def refuse(refusal: GrantdError, record: RequestRecord) -> Reply:
    """Answer what was raised, and tell the operator of what is not the caller's doing."""
    if isinstance(refusal, Unavailable):
        _log.warning("unavailable in request %s: %s", record.request_id, refusal.detail)
    elif isinstance(refusal, Internal):
        _log.error("internal error in request %s", record.request_id, exc_info=refusal)
    return render(refusal, record)


def render(refusal: GrantdError, record: RequestRecord, *, fields: Fields = ()) -> Reply:
    """Write a refusal. Its detail stays here; a bug is named by its request id alone."""
    record.outcome = refusal.code
    is_bug = refusal.code is ErrorCode.SERVER_ERROR
    reply = _ErrorReply(
        error=refusal.code,
        error_description=refusal.description,
        hint=refusal.hint if refusal.hint and not is_bug else UNSET,
        request_id=record.request_id if is_bug else UNSET,
    )
    status = STATUS_OF_CLASS.get(type(refusal), STATUS[refusal.code])
    return json_reply(reply, status=status, fields=(*NO_STORE, *_fields_of(refusal), *fields))


def _fields_of(refusal: GrantdError) -> Fields:
    if isinstance(refusal, TooManyRequests | Unavailable):
        seconds = max(1, math.ceil(refusal.retry_after.total_seconds()))
        return ((b"retry-after", b"%d" % seconds),)
    return _CHALLENGES.get(refusal.code, ())
