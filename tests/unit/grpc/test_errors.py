"""Refusals as clients see them, and what they never see."""

import logging
from datetime import timedelta
from typing import Never

import grpc
import pytest

from adapters.grpc.token_service import TokenService
from domain.errors import (
    GrantdError,
    Internal,
    InvalidScope,
    TooManyRequests,
    Unavailable,
    concrete_errors,
)
from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IssueTokenRequest,
    RevokeTokenRequest,
)
from support.grpc_calls import refused
from support.grpc_service import service_of, serving
from support.refusals import refusal_of

MARKER = "MARKER-3f9c"
REQUESTS = {
    "IssueToken": IssueTokenRequest(client_id="ledger", client_secret="hunter2"),
    "IntrospectToken": IntrospectTokenRequest(client_id="ledger", token="tok3n"),
    "RevokeToken": RevokeTokenRequest(client_id="ledger", token="tok3n"),
}


def failing(error: Exception) -> TokenService:
    async def fail(_request: object) -> Never:
        raise error from ValueError(MARKER)

    return service_of(fail)


@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize(
    "error",
    [
        *(refusal_of(error, MARKER) for error in concrete_errors()),
        RuntimeError(MARKER),
        KeyError(MARKER),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_no_reply_shows_the_detail_of_a_refusal(method: str, error: Exception) -> None:
    """Neither a detail, nor a cause, nor the text of an exception leaves the process."""
    async with serving(failing(error)) as served:
        reply = await refused(getattr(served.tokens, method)(REQUESTS[method]))

    assert MARKER.encode() not in reply.everything
    assert reply.request_id
    if isinstance(error, GrantdError):
        assert reply.message == error.description


@pytest.mark.parametrize("error", [RuntimeError(MARKER), Internal(MARKER)])
async def test_a_bug_is_told_without_details_and_logged_once(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """The caller gets a request id, the operator the same one and the traceback."""
    async with serving(failing(error)) as served:
        reply = await refused(served.tokens.IssueToken(REQUESTS["IssueToken"]))

    assert reply.code is grpc.StatusCode.INTERNAL
    assert reply.reason == ""
    assert reply.message == Internal.description
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert reply.request_id in record.getMessage()
    assert record.exc_info[1] is error
    assert "hunter2" not in caplog.text


async def test_a_hint_is_what_a_caller_may_read() -> None:
    """It came from the caller, and stands where google.rpc has room for it."""
    async with serving(failing(InvalidScope(MARKER, hint="not granted: a"))) as served:
        reply = await refused(served.tokens.IssueToken(REQUESTS["IssueToken"]))

    assert (reply.reason, reply.domain) == ("INVALID_SCOPE", "grantd")
    assert reply.hint == "not granted: a"
    assert reply.retry_after is None


async def test_GRP_015_a_store_that_is_down_is_said_to_be_down() -> None:
    """D8: never a guess, and a time to come back."""
    down = Unavailable(MARKER, retry_after=timedelta(seconds=2.5))
    async with serving(failing(down)) as served:
        reply = await refused(served.tokens.IssueToken(REQUESTS["IssueToken"]))

    assert reply.code is grpc.StatusCode.UNAVAILABLE
    assert reply.reason == "TEMPORARILY_UNAVAILABLE"
    assert reply.retry_after == 2.5


async def test_GRP_014_too_many_failures_are_told_with_a_time_to_come_back() -> None:
    """LIM-001 in the words of google.rpc."""
    refusal = TooManyRequests(MARKER, retry_after=timedelta(seconds=90))
    async with serving(failing(refusal)) as served:
        reply = await refused(served.tokens.IssueToken(REQUESTS["IssueToken"]))

    assert reply.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (reply.reason, reply.domain) == ("TOO_MANY_REQUESTS", "grantd")
    assert reply.retry_after == 90
