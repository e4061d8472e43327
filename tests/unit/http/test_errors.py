import logging
import string
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NoReturn

import httpx
import pytest

from adapters.http.errors import render
from adapters.request_record import RequestRecord
from domain.errors import (
    GrantdError,
    Internal,
    InvalidScope,
    NotFound,
    TooManyRequests,
    Unavailable,
    concrete_errors,
)
from support.http_surface import http_surface
from support.refusals import refusal_of

MARKER = "marker-of-a-private-detail"
ENDPOINTS = ["/access_token", "/token", "/introspect", "/revoke"]
ALLOWED = set(string.printable) - set('"\\') - set(string.whitespace) | {" "}


def raising(failure: Exception) -> Callable[[object], Awaitable[NoReturn]]:
    async def use_case(_request: object) -> NoReturn:
        raise failure

    return use_case


async def post(failure: Exception, path: str) -> httpx.Response:
    async with http_surface(instead=raising(failure)) as surface:
        return await surface.http.post(path, auth=("a", "b"), data={"token": "t"})


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("kind", list(concrete_errors()))
async def test_no_refusal_shows_its_detail(kind: type[GrantdError], path: str) -> None:
    """D9: the detail is for operators; every answer is JSON that nobody may store."""
    answer = await post(refusal_of(kind, MARKER), path)

    assert 400 <= answer.status_code < 600
    assert MARKER not in answer.text
    assert MARKER not in str(answer.headers)
    assert answer.json()["error"] == kind.code
    assert answer.json()["error_description"] == kind.description
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("failure", [RuntimeError(MARKER), KeyError(MARKER), Internal(MARKER)])
async def test_an_unexpected_exception_is_500_with_a_request_id_and_no_text(
    failure: Exception, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, and does not leave the application: the server would log it again."""
    with caplog.at_level(logging.INFO):
        answer = await post(failure, path)

    assert answer.status_code == 500
    assert MARKER not in answer.text
    request_id = answer.headers["X-Request-Id"]
    assert answer.json() == {
        "error": "server_error",
        "error_description": Internal.description,
        "request_id": request_id,
    }
    assert answer.headers["Cache-Control"] == "no-store"
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert request_id in record.getMessage()
    assert record.exc_info is not None


async def test_a_hint_from_an_exception_of_ours_is_not_shown() -> None:
    """A bug has a request id and no text."""
    answer = await post(Internal(hint=MARKER), "/access_token")

    assert MARKER not in answer.text


@pytest.mark.parametrize(
    "kind", [kind for kind in concrete_errors() if kind not in (Internal, TooManyRequests)]
)
async def test_ERR_002_a_hint_keeps_to_the_characters_of_the_rfc(kind: type[GrantdError]) -> None:
    """RFC 6749 §5.2: no quote, no backslash, nothing beyond ASCII, and not endless."""
    answer = await post(kind(hint='"\\\u00e9\n' + "x" * 5_000), "/access_token")

    hint = answer.json()["hint"]
    assert hint.startswith("????x")
    assert len(hint) < 600
    assert set(hint) | set(answer.json()["error_description"]) <= ALLOWED


async def test_a_refusal_without_a_hint_has_no_such_member() -> None:
    """No member is empty or null."""
    answer = await post(InvalidScope("detail"), "/access_token")

    assert answer.json().keys() == {"error", "error_description"}


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        (timedelta(seconds=1), "1"),
        (timedelta(milliseconds=1_200), "2"),
        (timedelta(), "1"),
        (timedelta(minutes=2), "120"),
    ],
)
async def test_unavailability_says_when_to_come_back(
    retry_after: timedelta, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    """REV-012: in whole seconds, never too early; the operator reads why."""
    with caplog.at_level(logging.WARNING):
        answer = await post(Unavailable(MARKER, retry_after=retry_after), "/revoke")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, header)
    assert MARKER in caplog.text


@pytest.mark.parametrize(("seconds", "header"), [(0.001, "1"), (59.2, "60"), (300, "300")])
async def test_LIM_001_too_many_failures_are_429_and_say_when_to_come_back(
    seconds: float, header: str
) -> None:
    """RFC 6585 §4: in whole seconds, never too early."""
    refusal = TooManyRequests(MARKER, retry_after=timedelta(seconds=seconds))

    answer = await post(refusal, "/access_token")

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, header)
    assert answer.json()["error"] == "too_many_requests"


@pytest.mark.parametrize("kind", list(concrete_errors()))
async def test_ERR_006_only_a_failed_authentication_has_a_challenge(
    kind: type[GrantdError],
) -> None:
    """RFC 6749 §5.2: the one that is 401."""
    answer = await post(refusal_of(kind), "/access_token")

    assert (answer.status_code == 401) == ("WWW-Authenticate" in answer.headers)
    assert (answer.status_code in (429, 503)) == ("Retry-After" in answer.headers)


def test_a_subclass_is_written_with_its_parents_code_and_its_own_status() -> None:
    """RFC 9110 §15.5 is more exact than RFC 6749 §5.2."""
    reply = render(NotFound(), RequestRecord("r", "http", "GET", ""))

    assert reply.status == 404
    assert b'"error":"invalid_request"' in reply.body
