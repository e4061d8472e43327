"""A node that dies at the worst moment: it takes a request that changes things, and is gone."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_SLICE = 65_536


class CuttingServer(socketserver.ThreadingTCPServer):
    """Answers GET and nothing else.

    Attributes:
        taken: How many requests it has read whole and left unanswered.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.taken = 0

    @property
    def port(self) -> int:
        port: int = self.server_address[1]
        return port

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["CuttingServer"]:
        with cls() as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        received = self.request.recv(_SLICE)
        if received.startswith(b"GET"):
            self.request.sendall(_HEALTHY)
        elif received:
            assert isinstance(self.server, CuttingServer)
            self.server.taken += 1
