"""How a refusal looks in gRPC: a canonical status and `google.rpc` details."""

from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]  # it ships no py.typed
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # likewise

from adapters.request_record import Ending
from domain.errors import ErrorCode, GrantdError, Overloaded, TooManyRequests, Unavailable

STATUS_CODES: Final[dict[ErrorCode, grpc.StatusCode]] = {
    ErrorCode.INVALID_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.INVALID_CLIENT: grpc.StatusCode.UNAUTHENTICATED,
    # Not UNAUTHENTICATED: who is calling is known.
    ErrorCode.INVALID_GRANT: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.UNAUTHORIZED_CLIENT: grpc.StatusCode.PERMISSION_DENIED,
    ErrorCode.UNSUPPORTED_GRANT_TYPE: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.INVALID_SCOPE: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.INVALID_TARGET: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.INVALID_TOKEN: grpc.StatusCode.UNAUTHENTICATED,
    ErrorCode.INSUFFICIENT_SCOPE: grpc.StatusCode.PERMISSION_DENIED,
    ErrorCode.INVALID_CLIENT_METADATA: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorCode.CLIENT_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    ErrorCode.CLIENT_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    ErrorCode.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    ErrorCode.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    ErrorCode.CONFLICT: grpc.StatusCode.ABORTED,
    ErrorCode.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ErrorCode.TEMPORARILY_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    ErrorCode.SERVER_ERROR: grpc.StatusCode.INTERNAL,
}

# The same code in OAuth, a more exact status in gRPC.
STATUS_CODE_OF_CLASS: Final[dict[type[GrantdError], grpc.StatusCode]] = {
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
}

_DOMAIN = "grantd"
_DETAILS_KEY = "grpc-status-details-bin"


class CallEnded(Exception):
    """A call that has no reply for a reason that is no refusal of the core."""

    def __init__(self, code: grpc.StatusCode, outcome: Ending) -> None:
        super().__init__(code)
        self.code = code
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Rendering:
    """A refusal as it goes out."""

    code: grpc.StatusCode
    message: str
    trailing_metadata: tuple[tuple[str, bytes], ...] = ()


def render(refusal: GrantdError) -> Rendering:
    """Render *refusal*: its code, its fixed sentence, its hint, never its detail."""
    code = STATUS_CODE_OF_CLASS.get(type(refusal), STATUS_CODES[refusal.code])
    if refusal.code is ErrorCode.SERVER_ERROR:
        return Rendering(code, refusal.description)
    status = Status(
        code=code.value[0],
        message=refusal.description,
        details=[_packed(detail) for detail in _details(refusal)],
    )
    return Rendering(code, refusal.description, ((_DETAILS_KEY, status.SerializeToString()),))


def _details(refusal: GrantdError) -> list[Message]:
    hint = {"hint": refusal.hint} if refusal.hint else {}
    details = [ErrorInfo(reason=refusal.code.upper(), domain=_DOMAIN, metadata=hint)]
    if isinstance(refusal, TooManyRequests | Unavailable):
        details.append(RetryInfo(retry_delay=refusal.retry_after))
    return details


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
