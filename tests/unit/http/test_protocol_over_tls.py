"""One connection to the HTTP listener over TLS: what differs from one in the clear."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trustme
import uvicorn
from uvicorn.server import ServerState

from adapters.http.connection_counts import ConnectionCounts
from adapters.http.protocol import HttpLimits, HttpProtocol
from adapters.http.reply import Reply
from adapters.http.request import Peer, Request
from adapters.http.tls import server_context
from adapters.server_certificate import CertificateFiles, read_server_certificate
from support.tls import HERE, Pair, client_context

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n"
HASTY = HttpLimits(head_wait=0.2, idle_wait=0.3, end_wait=2, quiet_wait=0.1)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class RememberingApp:
    """Answers `ok`, and knows who asked."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    async def __call__(self, request: Request) -> Reply:
        self.peers.append(request.peer)
        return Reply(b"ok")


def unasked(*_: object) -> None:
    """Stand in for the application that uvicorn wants to know of."""
    raise AssertionError


class Listener:
    """A worker that shows one certificate, and wants one of each client if told so."""

    def __init__(self, folder: Path, *, mutual: bool = False) -> None:
        self.app = RememberingApp()
        self.state = ServerState()
        self.limits = HASTY
        self._authority = trustme.CA()
        self._folder = folder
        trusted = folder / "clients.crt"
        self._authority.cert_pem.write_to_path(str(trusted))
        server = Pair.write(self._authority.issue_cert(HERE), folder, "server")
        self.tls = server_context(
            read_server_certificate(
                CertificateFiles(
                    certificate=server.certificate,
                    key=server.key,
                    client_ca=trusted if mutual else None,
                )
            )
        )

    def client(self) -> Pair:
        return Pair.write(self._authority.issue_cert("billing.example"), self._folder, "client")

    @asynccontextmanager
    async def connected(self, shown: Pair | None = None) -> AsyncIterator[Streams]:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        config = uvicorn.Config(
            unasked, lifespan="off", interface="asgi3", log_config=None, access_log=False
        )
        accepting = asyncio.create_task(
            loop.connect_accepted_socket(
                lambda: HttpProtocol(
                    config,
                    self.state,
                    {},
                    answer=self.app,
                    limits=self.limits,
                    new_id=lambda: "r-1",
                    counts=ConnectionCounts(),
                ),
                theirs,
                ssl=self.tls,
                ssl_shutdown_timeout=0.2,
            )
        )
        context = client_context(self._authority, shown)
        streams = await asyncio.open_connection(sock=ours, ssl=context, server_hostname=HERE)
        with suppress(OSError):  # a client that is not let in
            await accepting
        yield streams
        streams[1].close()
        with suppress(OSError):
            await streams[1].wait_closed()


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(tmp_path)


async def whole(reader: asyncio.StreamReader) -> bytes:
    """Read until the server ends the connection, as it should, with a farewell."""
    return await asyncio.wait_for(reader.read(), 5)


async def test_a_request_has_no_certificate_if_none_was_asked_for(listener: Listener) -> None:
    """Nor anything in its place."""
    async with listener.connected() as (reader, writer):
        writer.write(GET)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")

    assert listener.app.peers == [Peer("", "https")]


async def test_every_request_tells_of_the_certificate_of_its_connection(tmp_path: Path) -> None:
    """It is read once, and is the one that the client has shown."""
    listener = Listener(tmp_path, mutual=True)
    shown = listener.client()

    async with listener.connected(shown) as (reader, writer):
        for _ in range(2):
            writer.write(GET)
            await reader.readuntil(b"ok")

    first, second = (peer.certificate for peer in listener.app.peers)
    assert first is not None
    assert first.thumbprint == shown.thumbprint
    assert first.dns_names == ("billing.example",)
    assert second is first


async def test_a_client_without_a_certificate_is_told_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By an alert, and the operator by the log."""
    caplog.set_level("INFO")
    listener = Listener(tmp_path, mutual=True)

    async with listener.connected() as (reader, writer):
        writer.write(GET)
        with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
            await whole(reader)

    assert listener.app.peers == []
    assert "a TLS handshake failed: peer did not return a certificate" in caplog.messages


async def test_who_is_refused_while_sending_gets_to_read_why(listener: Listener) -> None:
    """The rest is thrown away until the client stops, or the answer would be with it."""
    async with listener.connected() as (reader, writer):
        writer.write(LARGE)
        for _ in range(20):
            writer.write(bytes(50_000))
            await writer.drain()
            await asyncio.sleep(0.02)
        answer = await whole(reader)

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("sent", "status"), [(b"nonsense\r\n\r\n", b"400"), (b"GET /a HTTP/1.1\r\n", b"408")]
)
async def test_a_refused_connection_ends_soon(
    listener: Listener, sent: bytes, status: bytes
) -> None:
    """A client that waits for its end does not wait for long."""
    async with listener.connected() as (reader, writer):
        writer.write(sent)
        answer = await asyncio.wait_for(whole(reader), 1.5)

    assert answer.startswith(b"HTTP/1.1 " + status)


async def test_an_idle_connection_ends(listener: Listener) -> None:
    """Even if the client does not notice."""
    async with listener.connected() as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"ok")
        assert await whole(reader) == b""
    async with asyncio.timeout(3):
        while listener.state.connections:  # noqa: ASYNC110  (uvicorn tells nobody)
            await asyncio.sleep(0.02)


async def test_a_client_that_leaves_is_let_go(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a word in the log."""
    async with listener.connected() as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"ok")
        writer.close()
        async with asyncio.timeout(3):
            while listener.state.connections:  # noqa: ASYNC110  (uvicorn tells nobody)
                await asyncio.sleep(0.02)

    assert caplog.messages == []
