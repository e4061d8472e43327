"""What tests of the gRPC edge say to it and read from it."""

from base64 import b64encode
from collections.abc import Awaitable
from dataclasses import dataclass
from urllib.parse import quote_plus

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

Metadata = tuple[tuple[str, str], ...]


def basic(client_id: str, secret: str) -> Metadata:
    """Return call metadata that authenticates a client."""
    userpass = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
    return (("authorization", f"Basic {b64encode(userpass).decode()}"),)


@dataclass(frozen=True)
class Refused:
    """A refusal as a client sees it; *everything* is all bytes of it that it can read."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    hint: str
    retry_after: float | None
    request_id: str
    everything: bytes


async def refused(call: Awaitable[object]) -> Refused:
    """Await a call that has to be refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    trailing = dict(error.trailing_metadata() or ())
    status, info, retry = Status(), ErrorInfo(), RetryInfo()
    status.ParseFromString(trailing.get("grpc-status-details-bin", b""))
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(retry)
    return Refused(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason,
        domain=info.domain,
        hint=info.metadata.get("hint", ""),
        retry_after=(
            retry.retry_delay.ToTimedelta().total_seconds()
            if retry.HasField("retry_delay")
            else None
        ),
        request_id=str(trailing.get("x-request-id", "")),
        everything=repr((error.details(), trailing, status)).encode(),
    )
