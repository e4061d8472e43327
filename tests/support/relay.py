"""Lets a client that cannot choose its address come from another one of this machine."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SLICE = 65_536


class Relay(socketserver.ThreadingTCPServer):
    """Carries each connection on to a port of loopback, from an address of its own."""

    daemon_threads = True

    def __init__(self, port: int, source: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.onwards = (("127.0.0.1", port), source)

    @classmethod
    @contextmanager
    def open(cls, port: int, source: str) -> Iterator[int]:
        """Relay to *port*, and yield the port to connect to instead."""
        with cls(port, source) as relay:
            thread = threading.Thread(target=relay.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield relay.server_address[1]
            finally:
                relay.shutdown()
                thread.join()


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Relay)
        target, source = self.server.onwards
        with socket.create_connection(target, source_address=(source, 0)) as onwards:
            back = threading.Thread(target=_carry, args=(onwards, self.request), daemon=True)
            back.start()
            _carry(self.request, onwards)
            back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(_SLICE):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)
