"""How connections are taken, on the event loop that a worker has."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from adapters.http import acceptor
from adapters.http.acceptor import Acceptor
from adapters.http.tls import server_context
from adapters.server_certificate import CertificateFiles, read_server_certificate
from support.tls import HERE, Pair, client_context

MANY = 100


class Host:
    """What the protocols of one worker share: who is connected."""

    def __init__(self) -> None:
        self.connected: set[asyncio.BaseTransport] = set()
        self.all_are_there = asyncio.Event()
        self.awaited = MANY

    def protocol(self) -> asyncio.Protocol:
        host = self

        class Guest(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                host.connected.add(transport)
                if len(host.connected) == host.awaited:
                    host.all_are_there.set()

        return Guest()

    def leave(self) -> None:
        for transport in self.connected:
            transport.close()


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "socket"))
        opened.listen(MANY)
        opened.setblocking(False)
        yield opened


def connect(listening: socket.socket) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(listening.getsockname())
    return client


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


def test_all_who_wait_are_taken_together(listening: socket.socket) -> None:
    """And not one in each turn of the loop, which a busy worker has few of."""

    async def work() -> None:
        host, turns = Host(), 0
        loop = asyncio.get_running_loop()

        def count() -> None:
            nonlocal turns
            turns += 1
            loop.call_soon(count)

        with ExitStack() as clients:
            for _ in range(MANY):
                clients.enter_context(connect(listening))
            taking = Acceptor(listening.dup(), host.protocol, None)
            count()
            await host.all_are_there.wait()
            taking.close()
            host.leave()
        assert turns < MANY / 4

    run(work)


def test_one_who_has_left_keeps_nobody_out(listening: socket.socket) -> None:
    """Nor is anything left of them."""

    async def work() -> None:
        host = Host()
        host.awaited = 2
        connect(listening).close()
        with connect(listening):
            taking = Acceptor(listening.dup(), host.protocol, None)
            await host.all_are_there.wait()
            taking.close()
            host.leave()

    run(work)


def test_without_room_for_files_newcomers_wait_until_there_is(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the event loop is for those who are there."""
    monkeypatch.setattr(acceptor, "_PAUSE", 0.01)
    refusals = 0

    class Full(socket.socket):
        def accept(self) -> tuple[socket.socket, Any]:
            nonlocal refusals
            if refusals < 2:
                refusals += 1
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return super().accept()

    async def work() -> None:
        host = Host()
        host.awaited = 1
        with connect(listening):
            taking = Acceptor(
                Full(socket.AF_UNIX, fileno=os.dup(listening.fileno())), host.protocol, None
            )
            await host.all_are_there.wait()
            taking.close()
            host.leave()
        assert refusals == 2

    run(work)


def test_a_closed_one_takes_nobody(listening: socket.socket) -> None:
    """Even one that was resting; who comes then waits for another worker."""

    async def work() -> None:
        host = Host()
        taking = Acceptor(listening.dup(), host.protocol, None)
        taking.close()
        with connect(listening):
            for _ in range(10):
                await asyncio.sleep(0)
        assert not host.connected

    run(work)


def test_another_context_is_for_those_who_come_then(
    listening: socket.socket, tmp_path: Path
) -> None:
    """Whoever fails to get through the handshake is nobody."""
    authority, stranger = trustme.CA(), trustme.CA()

    async def work() -> None:
        host = Host()
        host.awaited = 1
        pair = Pair.write(authority.issue_cert(HERE), tmp_path)
        taking = Acceptor(listening.dup(), host.protocol, None)
        taking.tls = server_context(
            read_server_certificate(CertificateFiles(certificate=pair.certificate, key=pair.key))
        )
        path = listening.getsockname()

        async def greet(trusted: trustme.CA) -> asyncio.StreamWriter:
            context = client_context(trusted)
            _, writer = await asyncio.open_unix_connection(path, ssl=context, server_hostname=HERE)
            return writer

        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await greet(stranger)
        assert not host.connected
        guest = await greet(authority)
        await host.all_are_there.wait()
        guest.transport.abort()
        taking.close()
        host.leave()

    run(work)
