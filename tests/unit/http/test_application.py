"""What every request passes, whichever endpoint it is for."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import pytest
from starlette.types import Message

from adapters.http.application import Application, Endpoint, Route
from adapters.http.reply import Reply
from adapters.http.request import MAX_BODY, Request
from adapters.request_record import Endpoint as Name
from adapters.source_addresses import SourceAddresses
from domain.errors import InvalidScope
from support.http_surface import HttpSurface, drive, http_scope
from support.request_observers import RememberedRequests

FORM = "application/x-www-form-urlencoded"
MARKER = "marker-of-a-private-detail"


class Echo:
    """An endpoint that answers what it was sent, and knows what that was."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply(request.body)


def application(
    endpoint: Endpoint, requests: RememberedRequests | None = None, *, new_id: str = "ours"
) -> Application:
    return Application(
        [Route("/access_token", endpoint, Name.TOKEN, ("POST",))],
        new_id=lambda: new_id,
        sources=SourceAddresses(),
        requests=requests or RememberedRequests(),
    )


def raising(failure: Callable[[], BaseException]) -> Endpoint:
    async def endpoint(_request: Request) -> NoReturn:
        raise failure()

    return endpoint


class TestBody:
    async def test_of_64_kib_is_taken_however_it_is_cut(self) -> None:
        """TOK-015, TOK-019: a chunked body is like any other."""
        echo = Echo()

        sent = await drive(application(echo), http_scope(), *[b"x" * (MAX_BODY // 4)] * 4)

        assert sent[0]["status"] == 200
        assert sent[1]["body"] == b"x" * MAX_BODY

    async def test_beyond_64_kib_is_refused_while_it_is_read(self) -> None:
        """TOK-015 (RFC 9110 §15.5.14): no endpoint gets to see it."""
        echo = Echo()

        start, _ = await drive(application(echo), http_scope(), b"x" * MAX_BODY, b"x")

        assert start["status"] == 413
        assert echo.requests == []

    async def test_too_large_is_answered_in_the_form_of_every_refusal(
        self, surface: HttpSurface
    ) -> None:
        answer = await surface.http.post(
            "/access_token", content=b"a=" + b"x" * MAX_BODY, headers={"Content-Type": FORM}
        )

        assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
        assert answer.headers["Cache-Control"] == "no-store"

    async def test_that_ends_too_soon_is_no_request(self) -> None:
        """The client has left: neither an endpoint nor anybody else is told."""
        echo = Echo()

        sent = await drive(application(echo), http_scope(), b"sco", b"pe=", complete=False)

        assert (sent, echo.requests) == ([], [])

    async def test_is_not_read_where_there_is_nothing(self) -> None:
        async def receive() -> Message:
            raise AssertionError("the body was asked for")

        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        for method, path in (("POST", "/nowhere"), ("PUT", "/access_token")):
            await application(Echo())(http_scope(method, path), receive, send)

        assert [message["status"] for message in sent[::2]] == [404, 405]


class TestRequestId:
    async def test_is_made_here_and_returned(self) -> None:
        """An id that came along could be anything."""
        echo = Echo()
        scope = http_scope(headers=[("X-Request-Id", "theirs")])

        sent = await drive(application(echo), scope)

        assert [request.origin.request_id for request in echo.requests] == ["ours"]
        ids = [value for name, value in sent[0]["headers"] if name == b"x-request-id"]
        assert ids == [b"ours"]

    async def test_needs_no_state_from_the_server(self) -> None:
        """ASGI makes `state` optional."""
        scope = http_scope()
        del scope["state"]

        sent = await drive(application(Echo()), scope)

        assert (b"x-request-id", b"ours") in sent[0]["headers"]

    async def test_is_another_one_for_each_request(self, surface: HttpSurface) -> None:
        """Whatever the answer."""
        answers = [await surface.http.get(path) for path in ("/livez", "/livez", "/nowhere")]

        assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


async def test_every_answer_has_its_length_and_is_not_to_be_sniffed() -> None:
    """Those of endpoints and refusals alike; nothing is said twice."""
    answers = [
        await drive(application(endpoint), http_scope(), b"a")
        for endpoint in (Echo(), raising(InvalidScope), raising(RuntimeError))
    ]

    for start, body in answers:
        fields = dict(start["headers"])
        assert len(fields) == len(start["headers"])
        assert fields[b"content-length"] == b"%d" % len(body["body"])
        assert fields[b"x-content-type-options"] == b"nosniff"


async def test_the_state_of_a_request_names_its_route() -> None:
    """A trace is named after that, and never after a path that leads nowhere."""
    found, missed = http_scope(), http_scope(path="/access_token/x")

    for scope in (found, missed):
        await drive(application(Echo()), scope)

    assert found["state"]["route"] == "/access_token"
    assert "route" not in missed["state"]


class TestRecord:
    async def test_is_the_endpoints_to_fill_in(self) -> None:
        """Observers get that very record."""
        requests = RememberedRequests()

        async def endpoint(request: Request) -> Reply:
            assert requests.under_way == 1
            request.record.grant_type = "client_credentials"
            return Reply(b"", status=202)

        await drive(application(endpoint, requests), http_scope())

        (record,) = requests.ended_so_far
        assert (record.request_id, record.protocol, record.method) == ("ours", "http", "POST")
        assert (record.endpoint, record.grant_type) == (Name.TOKEN, "client_credentials")
        assert (record.outcome, record.status, record.address) == ("ok", 202, "192.0.2.7")
        assert requests.under_way == 0

    @pytest.mark.parametrize(
        ("method", "path", "outcome", "endpoint"),
        [
            ("PUT", "/access_token", "invalid_request", Name.TOKEN),
            ("POST", "/nowhere", "invalid_request", Name.UNKNOWN),
        ],
    )
    async def test_of_a_request_that_leads_nowhere_says_so(
        self, method: str, path: str, outcome: str, endpoint: Name
    ) -> None:
        requests = RememberedRequests()

        await drive(application(Echo(), requests), http_scope(method, path))

        (record,) = requests.ended_so_far
        assert (record.outcome, record.endpoint) == (outcome, endpoint)

    @pytest.mark.parametrize(
        ("failure", "outcome", "status"),
        [
            (RuntimeError, "server_error", 500),
            (InvalidScope, "invalid_scope", 400),
            (asyncio.CancelledError, "temporarily_unavailable", 503),
        ],
    )
    async def test_of_a_request_that_fails_has_the_id_of_its_reply(
        self, failure: type[BaseException], outcome: str, status: int
    ) -> None:
        """Whoever asks about a 500 has nothing but that."""
        requests = RememberedRequests()

        with suppress(asyncio.CancelledError):
            await drive(application(raising(failure), requests, new_id="r-1"), http_scope())

        (record,) = requests.ended_so_far
        assert (record.request_id, record.outcome, record.status) == ("r-1", outcome, status)
        assert requests.under_way == 0

    async def test_of_a_request_that_nobody_answered_says_so(self) -> None:
        """Its client had left."""
        requests = RememberedRequests()

        await drive(application(Echo(), requests), http_scope(), complete=False)

        assert [record.outcome for record in requests.ended_so_far] == ["cancelled"]


class TestLastResort:
    async def test_says_nothing_to_who_has_left(self, caplog: pytest.LogCaptureFixture) -> None:
        """A cut request is neither answered nor an error of ours."""
        sent = await drive(application(Echo()), http_scope(), b"a=", complete=False)

        assert sent == []
        assert caplog.records == []

    async def test_answers_once_and_logs_once(self, caplog: pytest.LogCaptureFixture) -> None:
        """The text of an exception is for the log alone."""
        endpoint = raising(lambda: RuntimeError(MARKER))

        with caplog.at_level(logging.INFO):
            start, body = await drive(application(endpoint), http_scope())

        assert start["status"] == 500
        assert MARKER.encode() not in body["body"]
        (logged,) = caplog.records
        assert "ours" in logged.getMessage()
        assert logged.exc_info is not None

    async def test_does_not_answer_twice(self) -> None:
        """An answer that cannot be sent is left to the server to cut."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)
            raise RuntimeError(MARKER)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        requests = RememberedRequests()
        with pytest.raises(RuntimeError, match=MARKER):
            await application(Echo(), requests)(http_scope(), receive, send)

        assert [message["type"] for message in sent] == ["http.response.start"]
        assert requests.under_way == 0


async def test_what_the_drain_cuts_off_is_told_to_come_back() -> None:
    """A client can tell an outage from a refusal (RFC 9110 §15.6.4), and the cut stays a cut."""
    sent: list[dict[str, Any]] = []

    async def endless(_request: Request) -> Reply:
        await asyncio.sleep(600)
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(dict(message))

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    serving = asyncio.create_task(application(endless)(http_scope(), receive, send))  # type: ignore[arg-type]  # a coroutine
    await asyncio.sleep(0)
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving
    start, body = sent
    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
    assert b"temporarily_unavailable" in body["body"]
