"""One connection to the HTTP listener: what is read, in what time, and what is answered."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from adapters.http.connection_counts import ConnectionCounts
from adapters.http.protocol import HttpLimits, HttpProtocol
from adapters.http.reply import Reply
from adapters.http.request import MAX_BODY, Request

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: a\r\n"
LAST = GET + b"Connection: close\r\n\r\n"
HASTY = HttpLimits(head_wait=0.2, body_wait=0.2, body_time=0.4, idle_wait=0.3, end_wait=0.2)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.body)
        return loaded


def answers(received: bytes) -> list[Answer]:
    """Read what a server sent; every answer has a length."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", 0))
        found.append(Answer(int(status_line.split(" ")[1]), headers, rest[:length]))
        received = rest[length:]
    return found


class EchoingApp:
    """Answers what it was asked; waits for `may_answer` at `/wait`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        if request.path == "/wait":
            await self.may_answer.wait()
        return Reply(f"{request.method} {request.path} ".encode() + request.body)


def unasked(*_: object) -> None:
    """Stand in for the application that uvicorn wants to know of."""
    raise AssertionError


@dataclass
class Listener:
    """Connections of one worker."""

    limits: HttpLimits = field(default_factory=HttpLimits)
    app: EchoingApp = field(default_factory=EchoingApp)
    state: ServerState = field(default_factory=ServerState)
    new_id: Callable[[], str] = lambda: "r-1"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        config = uvicorn.Config(
            unasked, lifespan="off", interface="asgi3", log_config=None, access_log=False
        )
        await loop.connect_accepted_socket(
            lambda: HttpProtocol(
                config,
                self.state,
                {},
                answer=self.app,
                new_id=self.new_id,
                limits=self.limits,
                counts=ConnectionCounts(),
            ),
            theirs,
        )
        reader, writer = await asyncio.open_connection(sock=ours)
        yield reader, writer
        writer.close()
        with suppress(ConnectionError):  # it may have been cut off, as it deserved
            await writer.wait_closed()

    async def empties(self) -> None:
        """Return once no connection is left."""
        async with asyncio.timeout(3):
            while self.state.connections:  # noqa: ASYNC110  (uvicorn tells nobody)
                await asyncio.sleep(0.02)

    async def exchange(
        self, *pieces: bytes, pause: float = 0.01, half_close: bool = False
    ) -> list[Answer]:
        """Send pieces one by one and return the answers, once the listener closes."""
        return answers(await self.received(*pieces, pause=pause, half_close=half_close))

    async def received(
        self, *pieces: bytes, pause: float = 0.01, half_close: bool = False
    ) -> bytes:
        """Send pieces one by one and return what came back, once the listener closes."""
        async with self.connected() as (reader, writer):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(pause)
            if half_close:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 5)


@pytest.fixture
def listener() -> Listener:
    return Listener()


def statuses(found: list[Answer]) -> list[int]:
    return [answer.status for answer in found]


class TestWhatIsServed:
    async def test_HTP_010_pipelined_requests_are_answered_in_order(
        self, listener: Listener
    ) -> None:
        """RFC 9112 §9.3.2: however they are cut."""
        wire = POST + b"Content-Length: 3\r\n\r\none" + GET + b"\r\n" + LAST

        whole = await listener.exchange(wire)
        cut = await listener.exchange(*(wire[at : at + 7] for at in range(0, len(wire), 7)))

        assert [answer.body for answer in whole] == [b"POST /a one", b"GET /a ", b"GET /a "]
        assert cut == whole

    async def test_HTP_010_the_body_is_asked_for_if_the_client_waits(
        self, listener: Listener
    ) -> None:
        """RFC 9110 §10.1.1."""
        head = POST + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"

        waiting = await listener.exchange(head, b"abc")
        not_waiting = await listener.exchange(head + b"abc")

        assert statuses(waiting) == [100, 200]
        assert statuses(not_waiting) == [200]

    async def test_HTP_010_the_body_is_asked_for_in_its_turn(self, listener: Listener) -> None:
        """A 100 in front of the answer to an earlier request would be that answer's."""
        head = POST + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        first = GET.replace(b"/a", b"/wait") + b"\r\n"
        async with listener.connected() as (reader, writer):
            writer.write(first + head)
            await asyncio.sleep(0.02)
            listener.app.may_answer.set()
            await asyncio.sleep(0.02)
            writer.write(b"abc")

            found = answers(await reader.read())

        assert statuses(found) == [200, 100, 200]

    async def test_a_chunked_body_is_put_together_without_its_trailers(
        self, listener: Listener
    ) -> None:
        """RFC 9110 §6.5.1: a trailer is no header field."""
        chunked = b"Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n"
        body = b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\nAuthorization: Basic eDp5\r\n\r\n"

        found = await listener.exchange(POST + chunked + body)

        assert [answer.body for answer in found] == [b"POST /a abc"]
        assert b"authorization" not in listener.app.requests[0].fields

    @pytest.mark.parametrize(
        "framing",
        [
            b"Content-Length: 3\r\n\r\nabc",
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ],
    )
    @pytest.mark.parametrize("size", [1_000, 11])
    async def test_an_offer_to_change_protocols_is_declined_and_the_body_kept(
        self, listener: Listener, framing: bytes, size: int
    ) -> None:
        """`curl --http2` and the JDK's client send this (RFC 9110 §7.8)."""
        offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
        wire = POST + offer + framing + LAST

        found = await listener.exchange(*(wire[at : at + size] for at in range(0, len(wire), size)))

        assert [answer.body for answer in found] == [b"POST /a abc", b"GET /a "]

    @pytest.mark.parametrize(
        ("start", "offer"),
        [
            (b"POST /a HTTP/1.1\r\n", b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n"),
            (b"POST /a HTTP/1.0\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
        ],
    )
    async def test_the_last_request_of_a_connection_may_offer_it_too(
        self, listener: Listener, start: bytes, offer: bytes
    ) -> None:
        """RFC 9110 §7.8: in HTTP/1.0 the field MUST be ignored."""
        wire = start + b"Host: grantd.test\r\n" + offer + b"Content-Length: 3\r\n\r\nabc"

        [answer] = await listener.exchange(wire)

        assert answer.body == b"POST /a abc"
        assert answer.headers["connection"] == "close"

    async def test_HTP_008_a_target_in_absolute_form_is_read(self, listener: Listener) -> None:
        """RFC 9112 §3.2.2."""
        wire = LAST.replace(b"/a", b"http://other.test:80/b%20c?d=e")

        found = await listener.exchange(wire)

        assert [answer.body for answer in found] == [b"GET /b c "]
        assert listener.app.requests[0].query == b"d=e"

    async def test_http_1_0_is_served_once_and_needs_no_host(self, listener: Listener) -> None:
        """Nothing after it is read."""
        wire = b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2

        found = await listener.exchange(wire)

        assert statuses(found) == [200]
        assert found[0].headers["connection"] == "close"

    async def test_nothing_is_answered_after_a_last_request(self, listener: Listener) -> None:
        """RFC 9112 §9.6: what follows `Connection: close` is ignored."""
        assert statuses(await listener.exchange(LAST + GET + b"\r\n")) == [200]

    async def test_a_client_that_has_said_all_hears_the_answer(self, listener: Listener) -> None:
        """It may close its half of the connection before."""
        assert statuses(await listener.exchange(GET + b"\r\n", half_close=True)) == [200]

    async def test_empty_lines_before_a_request_are_passed_over(self, listener: Listener) -> None:
        """RFC 9112 §2.2."""
        assert statuses(await listener.exchange(b"\r\n\r\n" + LAST)) == [200]

    async def test_an_answer_to_HEAD_is_its_head_alone(self, listener: Listener) -> None:
        """RFC 9110 §9.3.2: the length is that of the body that GET would get."""
        wire = LAST.replace(b"GET", b"HEAD")

        head, _, body = (await listener.received(wire)).partition(b"\r\n\r\n")

        assert b"content-length: 8" in head
        assert body == b""

    async def test_who_gets_no_answer_is_not_kept_waiting_for_one(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The application answers its own failures; this is the case that it fails even so."""

        class FailingApp(EchoingApp):
            async def __call__(self, _request: Request) -> Reply:
                raise RuntimeError

        listener = Listener(app=FailingApp())
        found = await listener.exchange(GET + b"\r\n")

        assert found == []
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert not listener.state.tasks

    async def test_each_answer_has_the_id_of_its_request(self) -> None:
        """It is made here: one that came along could be anything."""
        listener = Listener(new_id=map("r-{}".format, count(1)).__next__)
        wire = GET + b"X-Request-Id: theirs\r\n\r\n"

        found = await listener.exchange(wire + LAST + b"nonsense")

        ids = [answer.headers["x-request-id"] for answer in found]
        assert ids == [request.request_id for request in listener.app.requests]
        assert ids == ["r-1", "r-2"]

    async def test_only_the_last_answer_says_that_the_connection_ends(
        self, listener: Listener
    ) -> None:
        """RFC 9112 §9.6: neither one with another behind it, nor one before a refusal."""
        served = await listener.exchange(GET + b"\r\n" + LAST)
        refused = await listener.exchange(GET + b"\r\n" + b"nonsense\0")

        for first, last in (served, refused):
            assert "connection" not in first.headers
            assert last.headers["connection"] == "close"

    async def test_what_comes_too_late_to_be_heard_goes_nowhere(self) -> None:
        """The client has left; nothing is written to where it was."""
        listener = Listener()
        async with listener.connected() as (_, writer):
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # it does both
            for wire in (GET, GET.replace(b"/a", b"/wait")):
                writer.write(wire + b"\r\n")
                await asyncio.sleep(0.02)
            writer.transport.abort()  # with something unread, which tells the other side at once
            await listener.empties()
            listener.app.may_answer.set()
            await asyncio.sleep(0.02)

        assert not listener.state.tasks
        assert listener.state.total_requests == 1


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param(b"Content-Length: 3\r\nContent-Length: 3\r\n", id="two lengths"),
            pytest.param(b"Content-Length: 3, 3\r\n", id="a list of lengths"),
            pytest.param(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", id="CL.TE"),
            pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", id="TE.CL"),
            pytest.param(b"Transfer-Encoding: chunked\r\n" * 2, id="two codings"),
            pytest.param(b"Transfer-Encoding: chunked, identity\r\n", id="chunked not last"),
            pytest.param(b"Content-Length: +29\r\n", id="a sign"),
            pytest.param(b"Content-Length: -1\r\n", id="negative"),
            pytest.param(b"Content-Length: 0x1d\r\n", id="hexadecimal"),
            pytest.param(b"Content-Length:\r\n", id="empty length"),
            pytest.param(b"X : y\r\n", id="space before the colon"),
            pytest.param(b"X: y\0z\r\n", id="NUL"),
            pytest.param(b"X: y\rz\r\n", id="CR"),
            pytest.param(b"X: y\r\n z\r\n", id="folded"),
            pytest.param(b"X: y\n", id="bare LF"),
            pytest.param(b"Host: a\r\n", id="two hosts"),
            pytest.param(b"Host: b\r\n", id="two different hosts"),
        ],
    )
    async def test_HTP_006_HTP_007_a_doubtful_head_is_refused_and_nothing_after_it_answered(
        self, listener: Listener, fields: bytes
    ) -> None:
        """RFC 9112 §5.1, §6.1 and §6.3: no second request can be smuggled."""
        found = await listener.exchange(POST + fields + b"\r\nabc" + LAST)

        assert statuses(found) == [400]
        assert listener.app.requests == []

    @pytest.mark.parametrize(
        ("wire", "status"),
        [
            (b"GET /a HTTP/1.1\r\n\r\n", 400),
            (b"GET http://a/b HTTP/1.1\r\n\r\n", 400),
            (b"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
            (b"GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
            (b"GET /a HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            (b"GET http://a:99999/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            (b"\x16\x03\x01\x02\x00", 400),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            (b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            (POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
            (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
            (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
            (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
            (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
            (b"GET /a\r\n\r\n", 505),
            (b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ],
    )
    async def test_HTP_007_HTP_008_what_is_not_our_http_is_refused(
        self, listener: Listener, wire: bytes, status: int
    ) -> None:
        """With the status that says why."""
        assert statuses(await listener.exchange(wire)) == [status]

    async def test_an_early_refusal_looks_like_any_other(self, listener: Listener) -> None:
        """JSON, not to be stored, not to be sniffed, and the connection's last."""
        (answer,) = await listener.exchange(b"GET /a HTTP/1.1\r\n\r\n")

        assert answer.json["error"] == "invalid_request"
        assert answer.json["error_description"]
        assert answer.headers.items() >= {
            ("content-type", "application/json;charset=utf-8"),
            ("cache-control", "no-store"),
            ("pragma", "no-cache"),
            ("x-content-type-options", "nosniff"),
            ("connection", "close"),
        }

    async def test_a_refusal_waits_for_the_answers_before_it(self, listener: Listener) -> None:
        """Else it would be taken for one of them."""
        wire = GET.replace(b"/a", b"/wait") + b"\r\n" + GET + b"\r\nnonsense\0"
        async with listener.connected() as (reader, writer):
            writer.write(wire)
            await asyncio.sleep(0.02)
            listener.app.may_answer.set()

            found = answers(await reader.read())

        assert statuses(found) == [200, 200, 400]

    async def test_HTP_009_a_body_cut_short_is_refused(self, listener: Listener) -> None:
        """RFC 9112 §8: the application never sees it."""
        found = await listener.exchange(POST + b"Content-Length: 9\r\n\r\nabc", half_close=True)

        assert statuses(found) == [400]
        assert listener.app.requests == []


class TestHowMuch:
    @pytest.mark.parametrize(
        ("wire", "status"),
        [
            pytest.param(GET + b"X: " + b"x" * 400_000 + b"\r\n\r\n", 431, id="one large field"),
            pytest.param(GET + b"X: " + b"x" * 400_000, 431, id="a field without end"),
            pytest.param(GET + b"x" * 400_000, 431, id="a name without end"),
            pytest.param(GET + (b"X: " + b"x" * 200 + b"\r\n") * 600 + b"\r\n", 431, id="600"),
            pytest.param(GET + (b"X: " + b"x" * 400 + b"\r\n") * 90 + b"\r\n", 431, id="36 KiB"),
            pytest.param(GET + b"X: y\r\n" * 100 + b"\r\n", 431, id="101 fields"),
            pytest.param(b"GET /" + b"x" * 400_000, 414, id="a target without end"),
            pytest.param(
                b"GET /" + b"x" * 8_192 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, id="target"
            ),
            pytest.param(POST + b"Content-Length: 65537\r\n\r\n", 413, id="announced"),
            pytest.param(POST + b"Content-Length: 1" + b"0" * 18 + b"\r\n\r\n", 413, id="huge"),
            pytest.param(POST + b"Content-Length: " + b"0" * 5_000 + b"\r\n\r\n", 413, id="zeros"),
            pytest.param(
                POST
                + b"Transfer-Encoding: chunked\r\n\r\n"
                + b"8000\r\n%b\r\n" % (b"x" * 32_768) * 3,
                413,
                id="counted",
            ),
            pytest.param(
                POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 2_000_000,
                413,
                id="a chunk extension without end",
            ),
            pytest.param(
                POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 2_000_000,
                413,
                id="a trailer without end",
            ),
        ],
    )
    async def test_HTP_009_more_than_the_limit_is_refused(
        self, listener: Listener, wire: bytes, status: int
    ) -> None:
        """RFC 6585 §5; RFC 9110 §15.5.14 and §15.5.15."""
        assert statuses(await listener.exchange(wire)) == [status]
        assert listener.app.requests == []

    async def test_what_is_just_within_the_limits_is_served(self, listener: Listener) -> None:
        """31 KiB of fields, 64 KiB of body."""
        fields = b"Connection: close\r\nX: " + b"x" * 31_000 + b"\r\n"
        body = b"Content-Length: 65536\r\n\r\n" + b"y" * 65_536

        assert statuses(await listener.exchange(POST + fields + body)) == [200]

    async def test_a_chunked_body_may_be_as_large_as_any(self, listener: Listener) -> None:
        """However it is cut."""
        chunk = b"1000\r\n%b\r\n" % (b"y" * 4_096)
        framing = b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

        found = await listener.exchange(POST + framing + chunk * 16 + b"0\r\n\r\n")

        assert statuses(found) == [200]
        assert listener.app.requests[0].body == b"y" * MAX_BODY

    async def test_only_a_head_itself_is_held_against_it(self, listener: Listener) -> None:
        """Requests that come in one piece are each as large as they are."""
        wire = (GET + b"X: " + b"x" * 20_000 + b"\r\n\r\n") * 4 + LAST

        assert statuses(await listener.exchange(wire)) == [200] * 5

    async def test_a_client_that_waits_to_be_asked_is_not_asked_for_too_much(
        self, listener: Listener
    ) -> None:
        """The refusal comes instead of 100."""
        head = POST + b"Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n"

        assert statuses(await listener.exchange(head)) == [413]

    async def test_a_client_that_is_still_sending_gets_to_read_its_refusal(self) -> None:
        """It is read on for a while, but not for ever."""
        patient, strict = Listener(), Listener(HttpLimits(unread_bytes=100_000))
        head = POST + b"Content-Length: 4000000\r\n\r\n"

        assert statuses(await patient.exchange(head, b"x" * 4_000_000)) == [413]
        async with strict.connected() as (_, writer):
            writer.write(head + b"x" * 8_000_000)
            with pytest.raises(ConnectionError):
                await writer.drain()


class TestHowLong:
    @pytest.mark.parametrize(
        ("begun", "drop"),
        [
            pytest.param(b"", b"G", id="request line"),
            pytest.param(GET, b"x", id="fields"),
            pytest.param(POST + b"Content-Length: 900\r\n\r\n", b"x", id="body"),
            pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="chunks"),
        ],
    )
    async def test_LIM_004_a_request_that_trickles_in_is_given_up(
        self, begun: bytes, drop: bytes
    ) -> None:
        """408, or 400 for what is no request: in both cases within the time for all of it."""
        listener = Listener(HASTY)
        async with listener.connected() as (reader, writer):

            async def trickle() -> None:
                writer.write(begun)
                while True:
                    writer.write(drop)
                    await asyncio.sleep(0.05)

            trickling = asyncio.create_task(trickle())
            async with asyncio.timeout(1):
                found = answers(await reader.read())
            trickling.cancel()

        assert statuses(found) == [408 if begun else 400]

    @pytest.mark.parametrize(
        ("begun", "status"),
        [
            (b"GET /a", 408),
            (POST + b"Content-Length: 9\r\n\r\nabc", 408),
            (POST + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n", 408),
        ],
    )
    async def test_LIM_004_a_request_that_stops_is_given_up(
        self, begun: bytes, status: int
    ) -> None:
        """RFC 9110 §15.5.9."""
        found = await Listener(HASTY).exchange(begun)

        assert found[-1].status == status
        assert found[-1].json["error"] == "invalid_request"

    @pytest.mark.parametrize(
        "begun",
        [
            b"GET /a",
            POST,
            POST + b"Content-Length: 9\r\n\r\n",
            POST + b"Content-Length: 9\r\n\r\nabc",
        ],
    )
    @pytest.mark.parametrize("in_one_piece", [True, False])
    async def test_LIM_004_the_time_of_a_request_begins_with_it(
        self,
        begun: bytes,
        in_one_piece: bool,  # noqa: FBT001  (the case)
    ) -> None:
        """Not with the one before it, nor with what came of that."""
        first = GET + b"\r\n"

        found = await Listener(HASTY).exchange(
            *([first + begun] if in_one_piece else [first, begun])
        )

        assert statuses(found) == [200, 408]

    @pytest.mark.parametrize("before", [b"", b"\r\n", GET + b"\r\n"])
    async def test_LIM_004_an_idle_connection_is_closed(self, before: bytes) -> None:
        """Without a word: nothing was asked."""
        found = await Listener(HASTY).exchange(before)

        assert statuses(found) == ([200] if before.startswith(GET) else [])

    async def test_a_slow_answer_is_nobody_s_deadline(self) -> None:
        """Nor does it shorten the time of the next request, which has come in part."""
        listener = Listener(HASTY)
        next_one = POST + b"Connection: close\r\nContent-Length: 3\r\n\r\n"
        async with listener.connected() as (reader, writer):
            writer.write(GET.replace(b"/a", b"/wait") + b"\r\n" + GET + b"\r\n" + next_one)
            await asyncio.sleep(0.5)
            listener.app.may_answer.set()
            await asyncio.sleep(0.1)
            writer.write(b"abc")

            found = answers(await reader.read())

        assert statuses(found) == [200, 200, 200]

    async def test_who_does_not_read_its_answers_is_cut_off(self) -> None:
        """Else they would be kept for ever."""
        listener = Listener(HASTY)
        large = POST + b"Content-Length: 60000\r\n\r\n" + b"x" * 60_000
        async with listener.connected() as (_, writer):
            writer.write(large * 30)
            await asyncio.sleep(0.02)
            await listener.empties()


class TestHowMany:
    async def test_LIM_005_requests_beyond_the_bound_are_told_when_to_return(self) -> None:
        """The one before them is served, and then there is room again."""
        listener = Listener(HttpLimits(requests=1))
        first = POST.replace(b"/a", b"/wait") + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        second = first.replace(b"/wait", b"/a")
        async with listener.connected() as (reader, writer):
            writer.write(first)
            await asyncio.sleep(0.02)

            (beyond,) = await listener.exchange(second)
            (cheap,) = await listener.exchange(LAST)
            listener.app.may_answer.set()
            admitted = answers(await reader.read())
            later = await listener.exchange(second)

        assert beyond.status == 503
        assert beyond.headers["retry-after"] == "1"
        assert beyond.json["error"] == "temporarily_unavailable"
        assert statuses([cheap, *admitted, *later]) == [200, 200, 200]

    async def test_LIM_005_who_is_turned_away_keeps_the_connection(self) -> None:
        """And may ask again over it, as it was told."""
        listener = Listener(HttpLimits(requests=1))
        request = POST + b"Content-Length: 0\r\n\r\n"
        async with listener.connected() as (_, waiting), listener.connected() as (reader, writer):
            waiting.write(request.replace(b"/a", b"/wait"))
            await asyncio.sleep(0.02)
            writer.write(request * 3)
            refused = await reader.readuntil(b"}") + await reader.readuntil(b"}")
            refused += await reader.readuntil(b"}")
            listener.app.may_answer.set()
            await asyncio.sleep(0.02)
            writer.write(LAST)
            later = answers(await reader.read())

        assert statuses(answers(refused)) == [503] * 3
        assert b"connection: close" not in refused.lower()
        assert statuses(later) == [200]

    async def test_LIM_005_who_is_turned_away_and_does_not_read_is_let_go(self) -> None:
        """Refusals that nobody reads would pile up."""
        listener = Listener(HttpLimits(requests=0, end_wait=0.5))
        request = POST + b"Content-Length: 0\r\n\r\n"
        async with listener.connected() as (_, writer):
            (served,) = listener.state.connections
            writer.write(request * 50_000)
            for _ in range(10):
                await asyncio.sleep(0.02)
                assert served.transport.get_write_buffer_size() < 256 * 1024
            await listener.empties()

    async def test_LIM_004_half_sent_requests_take_no_place(self) -> None:
        """Only whole requests are under way."""
        listener = Listener(HttpLimits(requests=1))
        half = POST + b"Content-Length: 9\r\n\r\nabc"
        async with listener.connected() as (_, one), listener.connected() as (_, other):
            one.write(half)
            other.write(half)
            await asyncio.sleep(0.02)

            found = await listener.exchange(
                POST + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
            )

        assert statuses(found) == [200]

    async def test_a_connection_keeps_its_state_in_slots(self, listener: Listener) -> None:
        """Of those there are thousands, and a dictionary for each is a quarter of its memory."""
        async with listener.connected():
            (connection,) = listener.state.connections

            assert not hasattr(connection, "__dict__")

    async def test_connections_beyond_the_bound_are_closed_with_503(self) -> None:
        """And count no longer."""
        listener = Listener(HttpLimits(connections=1))
        async with listener.connected():
            beyond = await listener.exchange(b"")
        await asyncio.sleep(0.02)
        later = await listener.exchange(LAST)

        assert statuses(beyond) == [503]
        assert beyond[0].headers["retry-after"] == "1"
        assert statuses(later) == [200]

    async def test_a_client_may_not_pipeline_without_bound(self, listener: Listener) -> None:
        """What it sent before is answered."""
        found = await listener.exchange((GET + b"\r\n") * 100)

        assert statuses(found) == [200] * 33 + [503]

    @pytest.mark.parametrize(
        "wire", [LAST, GET + b"X: y\0\r\n\r\n", b"GET /a", POST + b"Content-Length: 9\r\n\r\nabc"]
    )
    async def test_no_connection_is_left_behind(self, wire: bytes) -> None:
        """However it went, even with a client that stays."""
        listener = Listener(HASTY)
        async with listener.connected() as (_, writer):
            writer.write(wire)
            await asyncio.sleep(0.02)
            await listener.empties()

        assert not listener.state.tasks


@pytest.mark.parametrize("answering", [True, False])
async def test_a_drain_lets_the_request_under_way_finish(answering: bool) -> None:  # noqa: FBT001  (the case)
    """An idle connection ends at once."""
    listener = Listener()
    async with listener.connected() as (reader, writer):
        if answering:
            writer.write(GET.replace(b"/a", b"/wait") + b"\r\n")
            await asyncio.sleep(0.02)
        for connection in list(listener.state.connections):
            connection.shutdown()
        listener.app.may_answer.set()

        found = answers(await asyncio.wait_for(reader.read(), 5))

    assert statuses(found) == ([200] if answering else [])
    assert all(answer.headers["connection"] == "close" for answer in found)


def test_no_wait_is_shorter_than_the_watch() -> None:
    """The one timer of a connection fires often enough for each of its deadlines."""
    limits = HttpLimits()

    waits = (limits.head_wait, limits.body_wait, limits.body_time, limits.idle_wait)
    assert all(limits.shortest_wait <= wait for wait in (*waits, limits.end_wait))
