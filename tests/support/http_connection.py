"""An HTTP connection kept open, on which a test decides what is sent when."""

import base64
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

_TIMEOUT = 20.0
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that came whole."""

    status: int
    head: str
    body: bytes

    def json(self) -> Any:  # noqa: ANN401  (JSON has any shape)
        return json.loads(self.body)


class CutReply(Exception):
    """A reply began and never came to its end."""


class HttpConnection:
    """One connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def local_port(self) -> int:
        """Our end, by which the process at the other one can be told."""
        port: int = self._socket.getsockname()[1]
        return port

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self) -> Reply | None:
        """Return the next reply, or None if the connection ended before any of it came.

        Raises:
            CutReply: If it ended in the middle of one.
        """
        received = b""
        while _END_OF_HEAD not in received:
            if not (more := self._read()):
                if received:
                    raise CutReply(received)
                return None
            received += more
        head, _, body = received.partition(_END_OF_HEAD)
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        while len(body) < int(headers["content-length"]):
            if not (more := self._read()):
                raise CutReply(received + body)
            body += more
        return Reply(int(lines[0].split()[1]), head.decode("latin-1"), body)

    def exchange(self, request: bytes) -> Reply | None:
        """Send a request and return the reply; None if the connection is no more."""
        try:
            self.send(request)
        except (BrokenPipeError, ConnectionResetError):
            return None
        return self.receive()

    def _read(self) -> bytes:
        try:
            return self._socket.recv(65_536)
        except ConnectionResetError:
            return b""


def form_request(path: str, form: Mapping[str, str], *, auth: tuple[str, str]) -> bytes:
    """Write a POST of a form by a client that authenticates with HTTP Basic."""
    body = urlencode(form).encode()
    credentials = base64.b64encode(":".join(auth).encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: grantd\r\nAuthorization: Basic {credentials}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def have_been_read(port: int, connections: int) -> bool:
    """Tell whether the server at *port* has taken in all that so many connections sent it.

    The kernel knows (proc_net_tcp(5)): established, and nothing in the queue
    of what was received.
    """
    queues: list[int] = []
    with open("/proc/net/tcp", encoding="ascii") as table:  # noqa: PTH123  (a file of the kernel's)
        for line in table.readlines()[1:]:
            _, local, _, state, queued, *_ = line.split()
            if int(local.partition(":")[2], 16) == port and state == "01":
                queues.append(int(queued.partition(":")[2], 16))
    return len(queues) >= connections and not any(queues)
