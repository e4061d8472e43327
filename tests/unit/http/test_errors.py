import asyncio
import logging
import string
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NoReturn

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from adapters.http.errors import LastResort, render
from domain.errors import (
    GrantdError,
    Internal,
    InvalidScope,
    NotFound,
    TooManyRequests,
    Unavailable,
    concrete_errors,
)
from support.http_surface import drive, http_scope, http_surface
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
    response = render(NotFound(), request_id="r")

    assert response.status_code == 404
    assert b'"error":"invalid_request"' in bytes(response.body)


class TestLastResort:
    async def test_says_nothing_to_who_has_left(self, caplog: pytest.LogCaptureFixture) -> None:
        """A cut request is neither answered nor an error of ours."""
        headers = [("Content-Type", "application/x-www-form-urlencoded")]
        async with http_surface() as surface:
            sent = await drive(surface.app, http_scope(headers=headers), b"a=", complete=False)

        assert sent == []
        assert caplog.records == []

    async def test_does_not_answer_twice(self, caplog: pytest.LogCaptureFixture) -> None:
        """What has begun is left to the server to cut."""

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise RuntimeError(MARKER)

        scope = http_scope()
        scope["state"]["request_id"] = "r"

        sent = await drive(LastResort(app), scope)

        assert [message["type"] for message in sent] == ["http.response.start"]
        assert len(caplog.records) == 1


async def test_what_the_drain_cuts_off_is_told_to_come_back() -> None:
    """A client can tell an outage from a refusal (RFC 9110 §15.6.4), and the cut stays a cut."""
    sent: list[dict[str, Any]] = []

    async def endless(_scope: object, _receive: object, _send: object) -> None:
        await asyncio.sleep(600)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": [], "state": {"request_id": "r-1"}}
    serving = asyncio.create_task(LastResort(endless)(scope, None, send))  # type: ignore[arg-type]  # never received from
    await asyncio.sleep(0)
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving
    start, body = sent
    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
    assert b"temporarily_unavailable" in body["body"]
