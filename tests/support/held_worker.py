"""Requests that a worker finds all there in one moment."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from support.grantd_process import GrantdProcess
from support.http_connection import HttpConnection, Reply


@contextmanager
def held(server: GrantdProcess) -> Iterator[None]:
    """Hold the worker, so that all that is sent meanwhile is there when it looks again."""
    (worker,) = server.workers("http")
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)


def all_at_once(server: GrantdProcess, requests: Sequence[bytes]) -> list[Reply]:
    """Send each request on a connection of its own, all in one moment."""
    with ExitStack() as stack:
        connections = [stack.enter_context(HttpConnection(server.http_port)) for _ in requests]
        for connection in connections:
            connection.send(b"GET /livez HTTP/1.1\r\nHost: grantd\r\n\r\n")
        for connection in connections:
            opened = connection.receive()
            assert opened is not None
            assert opened.status == 200
        with held(server):
            for connection, request in zip(connections, requests, strict=True):
                connection.send(request)
        replies = [connection.receive() for connection in connections]
    return [reply for reply in replies if reply is not None]
