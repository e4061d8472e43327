"""One fetch, against servers that behave in all kinds of ways."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from adapters.jwks_uri import fetching
from adapters.jwks_uri.fetching import LARGEST, Fetcher
from adapters.jwks_uri.replies import NotFetched, Reply
from support.streaming import streamed

KEY_SET = b'{"keys":[]}'
Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(behave: Behaviour, requests: list[bytes]) -> AsyncIterator[str]:
    """Serve on a loopback port, and collect the heads of requests."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        try:
            await behave(writer)
        except ConnectionError:
            pass  # the other side has had enough
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/jwks.json"


def answering(head: bytes, body: bytes = KEY_SET) -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 " + head + b"\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()

    return answer


async def fetch(behave: Behaviour) -> Reply:
    async with server(behave, []) as uri:
        return await Fetcher().fetch(uri)


async def test_a_key_set_is_fetched_with_its_caching() -> None:
    """And asked for by what it is, uncompressed, with no credentials."""
    requests: list[bytes] = []
    behave = answering(b"200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 11")
    async with server(behave, requests) as uri:
        reply = await Fetcher().fetch(uri)

    assert reply == Reply(KEY_SET, "max-age=60")
    [request] = requests
    assert b"Accept: application/jwk-set+json, application/json\r\n" in request
    assert b"Accept-Encoding: identity\r\n" in request
    assert b"authorization" not in request.lower()
    assert b"cookie" not in request.lower()


@pytest.mark.parametrize(
    "head",
    [
        b"301 Moved\r\nLocation: https://other.example/jwks.json\r\nContent-Length: 11",
        b"302 Found\r\nLocation: /elsewhere\r\nContent-Length: 11",
        b"204 No Content",
        b"404 Not Found\r\nContent-Length: 11",
        b"500 Oops\r\nContent-Length: 11",
        b"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11",
        b"200 OK\r\nContent-Length: 5000",
        b"rubbish",
        b"200 OK\r\nSet-Cookie: " + b"x" * 200_000,
    ],
    ids=lambda head: head[:40],
)
async def test_any_other_answer_is_none(head: bytes) -> None:
    """A redirect is not followed, wherever it leads."""
    with pytest.raises(NotFetched):
        await fetch(answering(head))


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_not_read_to_its_end(*, announced: bool) -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        length = b"\r\nContent-Length: 100000000" if announced else b""
        writer.write(b"HTTP/1.1 200 OK" + length + b"\r\nConnection: close\r\n\r\n")
        while sent < 100 * LARGEST:
            writer.write(b" " * LARGEST)
            await writer.drain()
            sent += LARGEST

    with pytest.raises(NotFetched, match="too large"):
        await fetch(endless)
    assert sent < 100 * LARGEST


async def test_a_body_at_the_limit_is_read() -> None:
    body = KEY_SET.ljust(LARGEST)

    reply = await fetch(answering(b"200 OK", body))

    assert reply.body == body


async def test_who_sends_one_byte_at_a_time_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for all of it, and not for each byte."""
    monkeypatch.setattr(fetching, "PATIENCE", 0.3)

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1_000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    with pytest.raises(NotFetched, match="no answer in time"):
        await asyncio.wait_for(fetch(trickle), 5)


async def test_nobody_there_is_no_answer() -> None:
    async with server(answering(b"200 OK"), []) as uri:
        pass

    with pytest.raises(NotFetched):
        await Fetcher().fetch(uri)


class TestWhere:
    @staticmethod
    async def asked(uri: str) -> list[str]:
        """Return the URLs that are asked when *uri* is to be fetched."""
        urls: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            urls.append(str(request.url))
            return httpx.Response(200, content=streamed(KEY_SET))

        await Fetcher(httpx.MockTransport(answer)).fetch(uri)
        return urls

    @pytest.mark.parametrize(
        "uri",
        [
            "https://client.example/jwks.json",
            "https://client.example:8443/jwks.json?v=1",
            "http://127.0.0.1:8000/jwks.json",
            "http://127.8.8.8/jwks.json",
            "http://[::1]:8000/jwks.json",
            "http://localhost/jwks.json",
        ],
    )
    async def test_https_and_this_machine_are_asked(self, uri: str) -> None:
        assert await self.asked(uri) == [uri]

    @pytest.mark.parametrize(
        "uri",
        [
            "",
            "jwks.json",
            "//client.example/jwks.json",
            "https://",
            "https://user:password@client.example/jwks.json",
            "http://client.example/jwks.json",
            "http://localhost.evil.example/jwks.json",
            "http://127.0.0.1.evil.example/jwks.json",
            "http://127.0.0.1@evil.example/jwks.json",
            "http://10.0.0.1/jwks.json",
            "http://0.0.0.0/jwks.json",
            "ftp://127.0.0.1/jwks.json",
            "file:///etc/passwd",
            "data:application/json,{}",
            "https://client.example:99999/",
            "https://client.example:0/",
            "https://xn--zz.example/",
            "https://client.example/\ud800",
            "https://client.example/\n",
            "https://[::1/",
        ],
    )
    async def test_nobody_else_is(self, uri: str) -> None:
        """Whatever was registered."""
        with pytest.raises(NotFetched):
            await self.asked(uri)
