"""What a server refuses, as the error of the core that it was there."""

from typing import Final

import grpc
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]  # it ships no py.typed
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # likewise

from domain.errors import (
    GrantdError,
    Internal,
    InvalidRequest,
    TooManyRequests,
    Unavailable,
    concrete_errors,
    presentable,
)

_DETAILS: Final = "grpc-status-details-bin"
_REQUEST_ID: Final = "x-request-id"
_AWAY: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)
_TLS_WORDS: Final = ("handshake", "certificate")

# Several classes share a code; the sentence tells them apart.
_CLASSES: Final[dict[tuple[str, str], type[GrantdError]]] = {
    (error.code.upper(), error.description): error for error in concrete_errors()
}


def refusal_of(error: grpc.aio.AioRpcError, *, target: str) -> GrantdError:
    """Return what the server raised, or what best tells that it did not answer."""
    trailing = dict(error.trailing_metadata() or ())
    status, info, retry = Status(), ErrorInfo(), RetryInfo()
    status.ParseFromString(trailing.get(_DETAILS, b""))
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(retry)
    kind = _CLASSES.get((info.reason, status.message))
    if kind is None:
        return _unexplained(error, str(trailing.get(_REQUEST_ID, "")), target)
    retry_after = retry.retry_delay.ToTimedelta()
    if issubclass(kind, TooManyRequests):
        return kind(retry_after=retry_after)
    if issubclass(kind, Unavailable):
        return kind(f"{target} says that it cannot answer now", retry_after=retry_after)
    return kind(hint=info.metadata.get("hint", ""))


def _unexplained(error: grpc.aio.AioRpcError, request_id: str, target: str) -> GrantdError:
    code = error.code()
    if code in _AWAY:
        return Unavailable(f"{target} cannot be reached{_handshake_failure(error)}")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return InvalidRequest("no such method", hint=f"{target} does not offer that")
    return Internal(hint=f"{target}: {code.name} {request_id}".strip())


def _handshake_failure(error: grpc.aio.AioRpcError) -> str:
    """Return what gRPC says of TLS at the end of its sentence, if that is what failed."""
    _, _, last = (error.details() or "").rpartition("last error: ")
    return f": {presentable(last)}" if any(word in last for word in _TLS_WORDS) else ""
