"""How refusals are written: one total table, one function, one handler (RFC 6749 §5.2)."""

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.middleware import request_id_of
from adapters.http.presenters import NO_STORE, json_response
from adapters.request_record import note_outcome
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

_CHALLENGES: Final[dict[ErrorCode, Mapping[str, str]]] = {
    ErrorCode.INVALID_CLIENT: {"WWW-Authenticate": 'Basic realm="grantd"'},
    ErrorCode.INVALID_TOKEN: {"WWW-Authenticate": 'Bearer realm="grantd", error="invalid_token"'},
}
_ROUTING: Final[dict[int, type[GrantdError]]] = {404: NotFound, 405: MethodNotAllowed}

_log = logging.getLogger(__name__)


class _ErrorReply(Struct):
    error: str
    error_description: str
    hint: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET


def render(refusal: GrantdError, *, request_id: str, headers: Mapping[str, str] = {}) -> Response:
    """Write a refusal. Its detail stays here; a bug is named by its request id alone."""
    note_outcome(refusal.code)
    is_bug = refusal.code is ErrorCode.SERVER_ERROR
    reply = _ErrorReply(
        error=refusal.code,
        error_description=refusal.description,
        hint=refusal.hint if refusal.hint and not is_bug else UNSET,
        request_id=request_id if is_bug else UNSET,
    )
    status = STATUS_OF_CLASS.get(type(refusal), STATUS[refusal.code])
    return json_response(
        reply, status=status, headers={**NO_STORE, **_headers_of(refusal), **headers}
    )


async def refuse(request: Request, refusal: Exception) -> Response:
    """Answer a `GrantdError`, and tell the operator of what is not the caller's doing."""
    assert isinstance(refusal, GrantdError)
    request_id = request_id_of(request.scope)
    if isinstance(refusal, Unavailable):
        _log.warning("unavailable in request %s: %s", request_id, refusal.detail)
    elif isinstance(refusal, Internal):
        _log.error("internal error in request %s", request_id, exc_info=refusal)
    return render(refusal, request_id=request_id)


async def refuse_unrouted(request: Request, error: Exception) -> Response:
    """Answer what Starlette's routing raises: no such path, no such method."""
    assert isinstance(error, HTTPException)
    refusal = _ROUTING.get(error.status_code, Internal)()
    return render(refusal, request_id=request_id_of(request.scope), headers=error.headers or {})


class LastResort:
    """Answers any other exception with 500, and logs it once.

    Starlette's own handler for `Exception` raises it again for the server to
    log a second time; nothing leaves this one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientDisconnect:
            return  # nobody is left to answer
        except asyncio.CancelledError:
            # The drain's time is over; a client can tell that from a refusal and ask again.
            if not started:
                overdue = Unavailable("cancelled at the end of the drain")
                await render(overdue, request_id=request_id_of(scope))(scope, receive, send)
            raise
        except Exception:  # noqa: BLE001  (that is its purpose; it is logged)
            request_id = request_id_of(scope)
            _log.exception("unexpected exception in request %s", request_id)
            if not started:
                await render(Internal(), request_id=request_id)(scope, receive, send)


def _headers_of(refusal: GrantdError) -> Mapping[str, str]:
    if isinstance(refusal, TooManyRequests | Unavailable):
        return {"Retry-After": str(max(1, math.ceil(refusal.retry_after.total_seconds())))}
    return _CHALLENGES.get(refusal.code, {})
