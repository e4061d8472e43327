"""What a server refuses is told at the command line as if the store had been asked."""

from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest

from adapters.grpc.errors import render
from adapters.remote.refusals import refusal_of
from domain.errors import (
    GrantdError,
    Internal,
    InvalidRequest,
    TooManyRequests,
    Unavailable,
    concrete_errors,
)
from entrypoints.cli.exits import ExitStatus, verdict
from support.refusals import refusal_of as a_refusal

TARGET = "127.0.0.1:50051"
KINDS = [kind for kind in concrete_errors() if not issubclass(kind, (Internal, Unavailable))]


def received(
    code: grpc.StatusCode, trailing: tuple[tuple[str, Any], ...] = (), details: str = ""
) -> grpc.aio.AioRpcError:
    error = SimpleNamespace(
        code=lambda: code, trailing_metadata=lambda: trailing, details=lambda: details
    )
    return cast("grpc.aio.AioRpcError", error)


def sent(refusal: GrantdError) -> grpc.aio.AioRpcError:
    rendering = render(refusal)
    return received(rendering.code, rendering.trailing_metadata)


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_comes_back_as_what_it_was(kind: type[GrantdError]) -> None:
    """Of the same class, with the same hint, so that the same line is printed."""
    refusal = a_refusal(kind, "private")
    refusal.hint = "what helps the caller"

    back = refusal_of(sent(refusal), target=TARGET)

    assert back.description == refusal.description
    assert type(back).code is kind.code
    if not isinstance(back, TooManyRequests):
        assert verdict(back) == verdict(refusal)
    assert "private" not in str(back.args)


def test_when_to_come_back_is_kept() -> None:
    """Whoever repeats the command knows when."""
    back = refusal_of(sent(a_refusal(TooManyRequests)), target=TARGET)

    assert isinstance(back, TooManyRequests)
    assert back.retry_after == cast("TooManyRequests", a_refusal(TooManyRequests)).retry_after


@pytest.mark.parametrize(
    "error",
    [
        sent(Unavailable("the store's own text")),
        received(grpc.StatusCode.UNAVAILABLE),
        received(grpc.StatusCode.DEADLINE_EXCEEDED),
        received(grpc.StatusCode.CANCELLED),
    ],
)
def test_a_server_that_does_not_answer_is_unavailable(error: grpc.aio.AioRpcError) -> None:
    """Exit status 3, and which server it was."""
    status, [line] = verdict(refusal_of(error, target=TARGET))

    assert status is ExitStatus.UNAVAILABLE
    assert TARGET in line
    assert "the store's own text" not in line


def test_what_a_handshake_failed_of_is_told() -> None:
    """A CA that was not named is no server that is away."""
    reason = "Tls handshake failed: CERTIFICATE_VERIFY_FAILED"
    error = received(
        grpc.StatusCode.UNAVAILABLE, details=f"all addresses; last error: UNKNOWN: {reason}"
    )

    _, [line] = verdict(refusal_of(error, target=TARGET))

    assert f"{TARGET} cannot be reached: UNKNOWN: {reason}" in line


def test_a_server_without_the_method_says_so() -> None:
    """It is older, or it is no grantd."""
    back = refusal_of(received(grpc.StatusCode.UNIMPLEMENTED), target=TARGET)

    assert isinstance(back, InvalidRequest)
    assert back.hint == f"{TARGET} does not offer that"


def test_a_bug_is_named_by_its_request() -> None:
    """So that the operator finds it in the server's log."""
    error = received(grpc.StatusCode.INTERNAL, (("x-request-id", "abc"),))

    back = refusal_of(error, target=TARGET)

    assert isinstance(back, Internal)
    assert back.hint == f"{TARGET}: INTERNAL abc"
