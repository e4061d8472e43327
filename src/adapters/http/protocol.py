"""HTTP/1.1 on one connection, with limits and deadlines, for uvicorn to serve.

The application sees whole requests only. What arrives slowly, in part, too
large or malformed is answered here and costs no task; so a client that
trickles its request takes no place from others.
"""

import asyncio
import logging
import math
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from adapters.client_certificate import read_client_certificate
from adapters.http import request_head
from adapters.http.connection_counts import ConnectionCounts
from adapters.http.early_replies import (
    CONTENT_TOO_LARGE,
    HEAD_TOO_LARGE,
    MALFORMED,
    OVERLOADED,
    TARGET_TOO_LONG,
    TOO_SLOW,
    EarlyReply,
    Refused,
)
from adapters.http.reply import Reply
from adapters.http.request import MAX_BODY, Answers, Peer, Request
from adapters.request_record import UNOBSERVED, RequestObserver, RequestRecord

_NEVER: Final = math.inf
_CHEAP: Final = frozenset({"GET", "HEAD"})
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_FIELD_OVERHEAD: Final = len(": \r\n")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one worker takes of its clients. Bytes, counts, and seconds.

    Attributes:
        head_bytes: Of request line and header fields together.

        framed_bytes: Of a body with all that chunked coding puts around it.

        head_wait: From its first byte, or from the connection being made, to
            the end of a head.

        body_wait: Between two pieces of a body.

        body_time: For the whole body.

        idle_wait: Between two requests.

        end_wait: For a client to take what it was sent, before it is cut off.

        quiet_wait: Over TLS, for a client that was refused to fall silent.

        unread_bytes: Thrown away after a refusal, so that a client that is
            still sending gets to read it.

        pipelined: Requests that wait behind the one that is being answered.

        requests: Being answered at once in this worker. Beyond it GET and HEAD
            are still taken: they cost little, and an orchestrator that gets no
            answer would end a worker for being busy.

        connections: Open at once in this worker.

        connections_per_source: Of them, from one address.
    """

    head_bytes: int = 32 * 1024
    target_bytes: int = 8 * 1024
    fields: int = 100
    body_bytes: int = MAX_BODY
    framed_bytes: int = 1024 * 1024
    head_wait: float = 10.0
    body_wait: float = 10.0
    body_time: float = 30.0
    idle_wait: float = 30.0
    end_wait: float = 10.0
    quiet_wait: float = 0.5
    unread_bytes: int = 16 * 1024 * 1024
    pipelined: int = 32
    requests: int = 256
    connections: int = 12_000
    connections_per_source: int = 3_000

    @property
    def shortest_wait(self) -> float:
        return min(self.head_wait, self.body_wait, self.idle_wait, self.end_wait)


class _Stage(Enum):
    """What the next byte of a connection belongs to."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    OVER = auto()  # nothing: the last request has been read, or was refused


_IDLE, _HEAD, _BODY, _OVER = _Stage  # looked up some twenty times for a request


class HttpProtocol(asyncio.Protocol):
    """One connection.

    One timer watches it. It fires every `shortest_wait`, and no deadline is
    ever set nearer than that, so that requests only note their deadlines.

    Args:
        answer: Is the application. uvicorn has one of its own, which nobody asks.

        new_id: Makes the id of a request.

        counts: Shared by all connections of this worker.

        requests: Is told of a request that never reaches the application.
    """

    __slots__ = (  # a quarter less memory for each of thousands that idle
        "_answer",
        "_arriving",
        "_at_hand",
        "_body",
        "_body_ends",
        "_counts",
        "_deadline",
        "_expects_continue",
        "_headers",
        "_incoming",
        "_is_draining",
        "_is_held",
        "_keep_alive",
        "_limits",
        "_loop",
        "_new_id",
        "_parser",
        "_peer",
        "_received",
        "_refusal",
        "_requests",
        "_server_state",
        "_stage",
        "_task",
        "_tasks",
        "_url",
        "_waiting",
        "_watch",
        "_write_deadline",
        "flow",
        "transport",
    )

    transport: asyncio.Transport
    flow: FlowControl

    def __init__(
        self,
        _config: Config,
        server_state: ServerState,
        _app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        answer: Answers,
        new_id: Callable[[], str],
        requests: RequestObserver = UNOBSERVED,
        limits: HttpLimits = HttpLimits(),
        counts: ConnectionCounts,
    ) -> None:
        self._answer = answer
        self._server_state = server_state
        self._tasks = server_state.tasks
        self._loop = _loop or asyncio.get_running_loop()
        self._new_id = new_id
        self._requests = requests
        self._limits = limits
        self._counts = counts
        self._parser = httptools.HttpRequestParser(self)
        # What follows a last request is not the parser's to refuse: `_Surplus` ends it.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._stage = _IDLE
        self._deadline = _NEVER
        self._write_deadline = _NEVER
        self._body_ends = _NEVER
        self._arriving = 0  # bytes that are being read
        self._received = 0  # bytes since the head, or the body, began
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._incoming: Request | None = None
        self._body = bytearray()
        self._expects_continue = False
        self._keep_alive = False
        self._is_draining = False
        self._is_held = False
        self._refusal: EarlyReply | None = None
        self._at_hand: Request | None = None
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a TCP server's
        self.transport = transport
        self.flow = FlowControl(transport)
        self._peer = _peer(transport)
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn lists its own
        if self._is_one_too_many():
            self._stage = _OVER
            self._turn_away(OVERLOADED)
            transport.close()
        self._wait(self._limits.head_wait)
        self._watch = self._loop.call_later(self._limits.shortest_wait, self._look_at_clock)

    def _is_one_too_many(self) -> bool:
        held = self._counts.enter(self._peer.address) if self._peer.address else 0
        return (
            len(self._server_state.connections) > self._limits.connections
            or held > self._limits.connections_per_source
        )

    def connection_lost(self, _exc: Exception | None) -> None:
        self._server_state.connections.discard(self)
        if self._peer.address:
            self._counts.leave(self._peer.address)
        if self._watch is not None:
            self._watch.cancel()
        self._waiting.clear()
        self._at_hand = None
        self.flow.resume_writing()
        del self._parser  # it holds this object: nobody would collect the two soon

    def eof_received(self) -> bool:
        """Let a client that has said all it wanted hear the answer (RFC 9112 §9.6).

        Over TLS it cannot: event loops end both directions together.
        """
        if self._stage in (_HEAD, _BODY):
            self._refuse(MALFORMED)
        self._stage = _OVER
        return self._at_hand is not None and self.transport.can_write_eof()

    def shutdown(self) -> None:
        """Take no other request. One that has begun to arrive is in flight, and is answered."""
        self._is_draining = True
        if self._at_hand is not None:
            self._stage = _OVER
            self._deadline = _NEVER
            self._waiting.clear()
            self._refusal = None
        elif self._stage in (_HEAD, _BODY):
            self._keep_alive = False
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        self.flow.pause_writing()
        self._write_deadline = self._loop.time() + self._limits.end_wait

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        self._write_deadline = _NEVER

    # Its deadlines

    def _wait(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds

    def _look_at_clock(self) -> None:
        now = self._loop.time()
        if self.transport.is_closing():
            self._deadline = _NEVER
            self._write_deadline = min(self._write_deadline, now + self._limits.end_wait)
        if now >= self._write_deadline:
            self.transport.abort()
            return
        if now >= self._deadline:
            self._expire()
        nearest = min(self._deadline, self._write_deadline, now + self._limits.shortest_wait)
        self._watch = self._loop.call_at(nearest, self._look_at_clock)

    def _expire(self) -> None:
        self._deadline = _NEVER
        if self._stage is _IDLE:
            self.transport.close()
        elif self._stage is _OVER:
            self.transport.abort()
        else:
            self._refuse(TOO_SLOW)

    # What arrives

    def data_received(self, data: bytes) -> None:
        self._arriving = len(data)
        self._received += self._arriving
        if self._stage is _OVER:
            self._discard()
            return
        try:
            self._parse(data)
            if self._stage is _HEAD:
                self._look_at_head()
            elif self._stage is _BODY:
                self._look_at_body()
        except Refused as refused:
            self._refuse(refused.reply)
        if self._is_held:
            self._deadline = _NEVER  # it is not the client who is slow
        elif self._expects_continue:
            self._invite()

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._head_without_upgrade() + data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)  # the old one takes no more
            except httptools.HttpParserCallbackError as error:
                self._pass_on(error)
                return
            except httptools.HttpParserError:
                raise Refused(MALFORMED) from None
            else:
                return

    def _pass_on(self, error: httptools.HttpParserCallbackError) -> None:
        """Raise what one of the callbacks below raised; the parser packs it in an error."""
        if isinstance(error.__context__, _Surplus):
            return
        if isinstance(error.__context__, Refused):
            raise Refused(error.__context__.reply) from None
        raise error

    def _look_at_head(self) -> None:
        """Bound a head that has no end yet, and when it is to have one."""
        if self._received > self._limits.head_bytes:
            raise Refused(HEAD_TOO_LARGE)
        if self._received == 0:  # it has begun in this piece
            self._wait(self._limits.head_wait)

    def _look_at_body(self) -> None:
        """Bound a body that has no end yet, and when it is to have one, or to go on."""
        if self._received > self._limits.framed_bytes:
            raise Refused(CONTENT_TOO_LARGE)
        if self._received == 0:
            self._expect_body()
        else:
            self._deadline = min(self._loop.time() + self._limits.body_wait, self._body_ends)

    def _expect_body(self) -> None:
        now = self._loop.time()
        self._body_ends = now + self._limits.body_time
        self._deadline = now + self._limits.body_wait

    def _invite(self) -> None:
        """Ask for the body that waits to be asked for, once its turn has come."""
        if self._stage is _BODY and self._at_hand is None:
            self._expects_continue = False
            self.transport.write(_CONTINUE)

    def _discard(self) -> None:
        if self._received > self._limits.unread_bytes:
            self.transport.abort()

    # What the parser finds

    def on_message_begin(self) -> None:
        if self._stage is _OVER:
            raise _Surplus
        self._stage = _HEAD
        self._received = 0
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > self._limits.target_bytes:
            raise Refused(TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._stage is _BODY:
            return  # a trailer, which MUST NOT become a header field (RFC 9110 §6.5.1)
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if len(self._headers) > self._limits.fields:
            raise Refused(HEAD_TOO_LARGE)
        if self._received + self._arriving > self._limits.head_bytes:
            self._require_small_head()
        method = self._parser.get_method().decode("ascii")
        version = self._parser.get_http_version()
        request_head.judge_line(method, version)
        path, query = self._read_target()
        request = Request(self._new_id(), method, path, query, self._headers, self._peer)
        request_head.judge_fields(request, version, body_bytes=self._limits.body_bytes)
        self._incoming = request
        if self._parser.should_upgrade():
            return  # comes again
        is_latest = version == "1.1"
        expected = request.fields.get(b"expect")
        self._expects_continue = (
            expected is not None and is_latest and expected.lower() == b"100-continue"
        )
        self._keep_alive = is_latest and self._parser.should_keep_alive() and not self._is_draining
        self._stage = _BODY
        self._received = 0

    def _require_small_head(self) -> None:
        """Measure a head that may be large, by the bytes that it came with."""
        fields = sum(len(name) + len(value) + _FIELD_OVERHEAD for name, value in self._headers)
        if len(self._url) + fields > self._limits.head_bytes:
            raise Refused(HEAD_TOO_LARGE)

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > self._limits.body_bytes:
            raise Refused(CONTENT_TOO_LARGE)

    def on_message_complete(self) -> None:
        if self._stage is not _BODY:
            return  # comes again, without its upgrade
        self._stage = _IDLE if self._keep_alive else _OVER
        self._deadline = _NEVER
        request = self._whole_request()
        if self._at_hand is None:
            self._begin(request)
        elif len(self._waiting) == self._limits.pipelined:
            raise Refused(OVERLOADED)
        else:
            self._waiting.append(request)
            self._hold()

    def _whole_request(self) -> Request:
        """Hand over what was read, and keep none of it: an idle connection should hold nothing."""
        request = self._incoming
        assert request is not None
        request.body = bytes(self._body)
        self._incoming, self._headers, self._body = None, [], bytearray()
        return request

    def _head_without_upgrade(self) -> bytes:
        """Return the head just read, less its offer to change protocols (RFC 9110 §7.8).

        The parser takes whatever follows such an offer for the other protocol.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version()
        headers, self._headers = self._headers, []
        lines = [
            b"%b %b HTTP/%b" % (method, self._url, version.encode()),
            *(b"%b: %b" % field for field in headers if field[0] != b"upgrade"),
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _read_target(self) -> tuple[str, bytes]:
        """Read origin-form or absolute-form, whose authority is as good as Host."""
        try:
            target = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError:
            raise Refused(MALFORMED) from None
        path = (target.path or b"/").decode("latin-1")
        return unquote(path) if "%" in path else path, target.query or b""

    # What is answered

    def _begin(self, request: Request) -> None:
        tasks = self._tasks
        if len(tasks) >= self._limits.requests and request.method not in _CHEAP:
            self._turn_down()
            return
        self._at_hand = request
        self._task = self._loop.create_task(self._serve(request))
        tasks.add(self._task)

    async def _serve(self, request: Request) -> None:
        """Have the application answer; one that does not is not waited for."""
        task = self._task
        assert task is not None
        try:
            reply = await self._answer(request)
            if self.flow.write_paused:
                await self.flow.drain()
            if self._at_hand is request:
                self._write(reply, request)
        except Exception:  # noqa: BLE001  (its own last resort has failed; this is logged)
            _log.exception("the application failed")
        finally:
            self._tasks.discard(task)
            if self._at_hand is request:
                self.transport.close()

    def _write(self, reply: Reply, request: Request) -> None:
        self._at_hand = None
        is_last = self._is_last()
        self.transport.write(
            reply.encode(
                request.request_id,
                self._server_state.default_headers,
                is_last=is_last,
                without_body=request.method == "HEAD",
            )
        )
        self._server_state.total_requests += 1
        self._go_on(is_last=is_last)

    def _is_last(self) -> bool:
        return self._stage is _OVER and not self._waiting and self._refusal is None

    def _go_on(self, *, is_last: bool) -> None:
        if is_last:
            self.transport.close()
        if self.transport.is_closing():
            return
        if self._waiting:
            self._begin(self._waiting.popleft())
        elif self._refusal is not None:
            self._end(self._refusal)
        else:
            self._read_on()

    def _read_on(self) -> None:
        """Go on with what may have come in part while the last answer was made."""
        self._release()
        if self._stage is _BODY:
            self._expect_body()
            if self._expects_continue:
                self._invite()
        elif self._stage is _HEAD:
            self._wait(self._limits.head_wait)
        else:
            self._wait(self._limits.idle_wait)

    def _hold(self) -> None:
        if not self._is_held:
            self._is_held = True
            self.transport.pause_reading()

    def _release(self) -> None:
        if self._is_held:
            self._is_held = False
            self.transport.resume_reading()

    def _turn_down(self) -> None:
        """Refuse a whole request, but not its connection: to make another is work for both sides.

        A client that does not read what it is told is refused with it.
        """
        if self.flow.write_paused:
            self._refuse(OVERLOADED)
            return
        is_last = self._is_last()
        self._turn_away(OVERLOADED, is_last=is_last)
        self._go_on(is_last=is_last)

    def _refuse(self, reply: EarlyReply) -> None:
        """Read no more, and refuse once every request before this one is answered."""
        self._stage = _OVER
        self._deadline = _NEVER
        self._refusal = reply
        if self._at_hand is None:
            self._end(reply)

    def _end(self, reply: EarlyReply) -> None:
        """Say the last word. The client may still be sending, and has to get to read it."""
        self._waiting.clear()
        self._release()
        self._received = 0
        self._wait(self._limits.end_wait)
        self._turn_away(reply)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self._close_when_quiet(unread_before=-1)

    def _close_when_quiet(self, unread_before: int) -> None:
        """End both directions at once, as TLS does, when nothing is on its way any more.

        What came after that would have the client's own side reset the connection,
        and throw away the answer.
        """
        if self.transport.is_closing():
            return
        if self._received == unread_before:
            self.transport.close()
        else:
            self._loop.call_later(self._limits.quiet_wait, self._close_when_quiet, self._received)

    def _turn_away(self, refusal: EarlyReply, *, is_last: bool = True) -> None:
        record = RequestRecord(self._new_id(), "http", "", self._peer.address)
        record.status, record.outcome = refusal.reply.status, refusal.error
        served = self._server_state.default_headers
        self.transport.write(refusal.reply.encode(record.request_id, served, is_last=is_last))
        self._requests.turned_away(record)


def _peer(transport: asyncio.Transport) -> Peer:
    remote = get_remote_addr(transport)
    address = remote[0] if remote is not None else ""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if tls is None:
        return Peer(address)
    der = tls.getpeercert(binary_form=True)
    return Peer(address, "https", read_client_certificate(der) if der is not None else None)


class _Surplus(Exception):
    """Something follows the last request of a connection. It is nobody's."""
