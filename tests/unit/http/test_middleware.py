import asyncio
from contextlib import suppress

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from adapters.http.errors import LastResort
from adapters.http.middleware import MAX_BODY, BodyLimit, NoSniff, RequestId, request_id_of
from domain.errors import ContentTooLarge
from support.http_surface import HttpSurface, drive, http_scope
from support.request_observers import RememberedRequests

FORM = "application/x-www-form-urlencoded"


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads a body to its end."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def never_called(*_: object) -> Message:
    raise AssertionError("the body was asked for")


class TestBodyLimit:
    async def test_lets_64_kib_pass(self) -> None:
        """TOK-015: however it is cut."""
        chunks = [b"x" * (MAX_BODY // 4)] * 4

        sent = await drive(BodyLimit(reading), http_scope(), *chunks)

        assert sent[0]["status"] == 200

    async def test_counts_what_comes_unannounced(self) -> None:
        """TOK-015: a chunked body has no length to look at."""
        with pytest.raises(ContentTooLarge):
            await drive(BodyLimit(reading), http_scope(), b"x" * MAX_BODY, b"x")

    @pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 5_000])
    async def test_does_not_begin_to_read_what_is_announced_too_large(self, length: str) -> None:
        """So that `Expect: 100-continue` is not answered with an invitation."""
        scope = http_scope(headers=[("Content-Length", length)])

        with pytest.raises(ContentTooLarge):
            await BodyLimit(reading)(scope, never_called, never_called)  # type: ignore[arg-type]  # neither is called

    @pytest.mark.parametrize("length", [str(MAX_BODY), "0" * 5_000, "-5", "x", ""])
    async def test_counts_whatever_else_was_announced(self, length: str) -> None:
        """A length that is none is the server's business."""
        scope = http_scope(headers=[("Content-Length", length)])

        sent = await drive(BodyLimit(reading), scope, b"x")

        assert sent[0]["status"] == 200

    async def test_is_answered_with_413(self, surface: HttpSurface) -> None:
        """RFC 9110 §15.5.14, in the form of every refusal."""
        answer = await surface.http.post(
            "/access_token", content=b"a=" + b"x" * MAX_BODY, headers={"Content-Type": FORM}
        )

        assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
        assert answer.headers["Cache-Control"] == "no-store"


class TestRequestId:
    async def test_is_made_here_and_returned(self) -> None:
        """An id that came along could be anything."""
        scope = http_scope(headers=[("X-Request-Id", "theirs")])
        seen: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(request_id_of(scope))
            await reading(scope, receive, send)

        sent = await drive(RequestId(app, lambda: "ours"), scope)

        assert seen == ["ours"]
        assert sent[0]["headers"] == [(b"x-request-id", b"ours")]

    async def test_needs_no_state_from_the_server(self) -> None:
        """ASGI makes `state` optional."""
        scope = http_scope()
        del scope["state"]

        sent = await drive(RequestId(reading, lambda: "ours"), scope)

        assert (b"x-request-id", b"ours") in sent[0]["headers"]

    async def test_is_another_one_for_each_request(self, surface: HttpSurface) -> None:
        """Whatever the answer."""
        answers = [await surface.http.get(path) for path in ("/livez", "/livez", "/nowhere")]

        assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


async def test_what_is_not_http_passes_untouched() -> None:
    """The server's lifespan has neither id nor headers."""
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    for middleware in (RequestId(app, lambda: "x"), NoSniff(app), BodyLimit(app)):
        await middleware({"type": "lifespan"}, never_called, never_called)  # type: ignore[arg-type]  # neither is called

    assert seen == [{"type": "lifespan"}] * 3


class TestRecord:
    @pytest.mark.parametrize(
        ("failure", "outcome", "status"),
        [
            (RuntimeError("x"), "server_error", 500),
            (asyncio.CancelledError(), "temporarily_unavailable", 503),
        ],
    )
    async def test_of_a_request_that_fails_has_the_id_of_its_reply(
        self, failure: BaseException, outcome: str, status: int
    ) -> None:
        """Whoever asks about a 500 has nothing but that."""
        requests = RememberedRequests()

        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            assert requests.under_way == 1
            raise failure

        with suppress(asyncio.CancelledError):
            await drive(RequestId(LastResort(app), lambda: "r-1", requests), http_scope())

        (record,) = requests.ended_so_far
        assert (record.request_id, record.outcome, record.status) == ("r-1", outcome, status)
        assert requests.under_way == 0

    async def test_of_a_request_that_nobody_answered_says_so(self) -> None:
        """Its client had left."""
        requests = RememberedRequests()

        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise ClientDisconnect

        await drive(RequestId(LastResort(app), lambda: "r-1", requests), http_scope())

        assert [record.outcome for record in requests.ended_so_far] == ["cancelled"]
