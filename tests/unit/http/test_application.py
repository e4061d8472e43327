"""What every request passes, whichever endpoint it is for."""

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

import pytest

from adapters.http.application import Application, Endpoint, Route
from adapters.http.reply import Reply
from adapters.http.request import Request
from adapters.request_record import Endpoint as Name
from adapters.request_record import note_grant
from adapters.source_addresses import SourceAddresses
from domain.errors import InvalidScope
from domain.model.events import Origin
from support.http_requests import http_request
from support.http_surface import HttpSurface
from support.request_observers import RememberedRequests

MARKER = "marker-of-a-private-detail"


class Echo:
    """An endpoint that answers what it was sent, and knows what that was."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.origins: list[Origin] = []

    async def __call__(self, request: Request, origin: Origin) -> Reply:
        self.requests.append(request)
        self.origins.append(origin)
        return Reply(request.body)


def application(endpoint: Endpoint, requests: RememberedRequests | None = None) -> Application:
    return Application(
        [Route("/access_token", endpoint, Name.TOKEN, ("POST",))],
        sources=SourceAddresses(),
        requests=requests or RememberedRequests(),
    )


def raising(failure: Callable[[], BaseException]) -> Endpoint:
    async def endpoint(_request: Request, _origin: Origin) -> NoReturn:
        raise failure()

    return endpoint


async def test_an_endpoint_gets_the_request_and_where_it_came_from() -> None:
    """The request itself, and the id and the source that its record has."""
    echo, asked = Echo(), http_request(body=b"a", request_id="ours")

    reply = await application(echo)(asked)

    assert reply.body == b"a"
    assert echo.requests == [asked]
    assert echo.origins == [Origin(request_id="ours", protocol="http", address="192.0.2.7")]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/nowhere", 404), ("PUT", "/access_token", 405)]
)
async def test_what_leads_nowhere_reaches_no_endpoint(method: str, path: str, status: int) -> None:
    """RFC 9110 §15.5.5 and §15.5.6."""
    echo = Echo()

    reply = await application(echo)(http_request(method=method, path=path))

    assert (reply.status, echo.requests) == (status, [])


async def test_each_answer_has_an_id_of_its_own(surface: HttpSurface) -> None:
    """Whatever the answer."""
    answers = [await surface.http.get(path) for path in ("/livez", "/livez", "/nowhere")]

    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


class TestRecord:
    async def test_is_the_endpoints_to_fill_in(self) -> None:
        """Observers get that very record."""
        requests = RememberedRequests()

        async def endpoint(_request: Request, _origin: Origin) -> Reply:
            assert requests.under_way == 1
            note_grant("client_credentials")
            return Reply(b"", status=202)

        await application(endpoint, requests)(http_request(request_id="ours"))

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

        await application(Echo(), requests)(http_request(method=method, path=path))

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

        await application(raising(failure), requests)(http_request(request_id="r-1"))

        (record,) = requests.ended_so_far
        assert (record.request_id, record.outcome, record.status) == ("r-1", outcome, status)
        assert requests.under_way == 0


class TestLastResort:
    async def test_answers_once_and_logs_once(self, caplog: pytest.LogCaptureFixture) -> None:
        """The text of an exception is for the log alone."""
        endpoint = raising(lambda: RuntimeError(MARKER))

        with caplog.at_level(logging.INFO):
            reply = await application(endpoint)(http_request(request_id="ours"))

        assert reply.status == 500
        assert MARKER.encode() not in reply.body
        (logged,) = caplog.records
        assert "ours" in logged.getMessage()
        assert logged.exc_info is not None


async def test_what_the_drain_cuts_off_is_told_to_come_back() -> None:
    """A client can tell an outage from a refusal (RFC 9110 §15.6.4)."""
    requests = RememberedRequests()

    async def endless(_request: Request, _origin: Origin) -> Reply:
        await asyncio.sleep(600)
        raise AssertionError

    serving = asyncio.ensure_future(application(endless, requests)(http_request()))
    await asyncio.sleep(0)
    serving.cancel()

    reply = await serving
    assert reply.status == 503
    assert (b"retry-after", b"1") in reply.fields
    assert b"temporarily_unavailable" in reply.body
    assert requests.under_way == 0
