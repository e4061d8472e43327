"""Open-loop load: requests come when they come, whether or not others are answered.

    python -m bench.load.paced <plan.json

wrk and h2load wait for replies before they ask again, so a server that pauses
is spared the requests that would have come meanwhile, and its latencies look
better than they are. Here arrivals are fixed beforehand, at random (a Poisson
process, as many independent callers make one), and a request's latency counts
from when it was due, not from when there was a connection or a turn to send it.

It speaks HTTP/1.1, one request at a time on a connection, and as much of HTTP/2
as gRPC needs. It looks at the clock all the time, for a sleep of the kernel's
is longer than an answer takes, and so takes most of one processor.
"""

import gc
import json
import random
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from bench.load.http2 import GrpcWire
from bench.load.loads import Answered, Target
from bench.load.percentiles import percentile

_CONNECTIONS: Final = {"http": 64, "grpc": 8}
_SEED: Final = 6
_LATE: Final = 10.0  # seconds that the last replies may take
_CHUNK: Final = 1 << 18
_SPIN: Final = 0.000_2
_BEYOND: Final = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    protocol: str
    port: int
    path: str
    headers: dict[str, str]
    bodies: list[str]
    rate: float
    seconds: float


class Wire(Protocol):
    """What goes over one connection, without the connection."""

    def greeting(self) -> bytes: ...

    def has_room(self) -> bool:
        """Tell whether another request can be sent."""
        ...

    def request(self, number: int) -> bytes: ...

    def feed(self, octets: bytes) -> tuple[list[int], bytes]:
        """Take what came; return the numbers of requests that were answered well, and what to send.

        Raises:
            ValueError: If a reply is no success.
        """
        ...


class HttpWire:
    def __init__(self, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._number: int | None = None
        self._received = b""

    def greeting(self) -> bytes:
        return b""

    def has_room(self) -> bool:
        return self._number is None

    def request(self, number: int) -> bytes:
        self._number = number
        return self._requests[number % len(self._requests)]

    def feed(self, octets: bytes) -> tuple[list[int], bytes]:
        self._received += octets
        head, ended, body = self._received.partition(b"\r\n\r\n")
        if not ended:
            return [], b""
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ValueError(f"a reply was {head[:30]!r}")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
        if len(body) < int(length):
            return [], b""
        number, self._number, self._received = self._number, None, b""
        assert number is not None
        return [number], b""


def http_requests(plan: Plan) -> list[bytes]:
    fields = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items())
    head = f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1:{plan.port}\r\n{fields}"
    return [
        f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1") for body in plan.bodies
    ]


def arrivals(rate: float, seconds: float) -> list[float]:
    """Return when requests are due, in seconds from the beginning; the same at every call."""
    chance = random.Random(_SEED)  # noqa: S311  (no secret)
    due, now = [], 0.0
    while (now := now + chance.expovariate(rate)) < seconds:
        due.append(now)
    return due


class Generator:
    """Sends what is due over a few connections, and notes when it was answered."""

    def __init__(self, plan: Plan) -> None:
        self._due = arrivals(plan.rate, plan.seconds)
        self._took = [0.0] * len(self._due)
        self._answered = 0
        self._sockets: dict[int, tuple[socket.socket, Wire]] = {}
        self._poll = select.epoll()
        requests = http_requests(plan) if plan.protocol == "http" else []
        for _ in range(_CONNECTIONS[plan.protocol]):
            wire: Wire = (
                HttpWire(requests)
                if plan.protocol == "http"
                else GrpcWire(plan.port, plan.path, plan.headers, plan.bodies[0].encode("latin-1"))
            )
            connection = socket.create_connection(("127.0.0.1", plan.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(wire.greeting())
            connection.setblocking(False)
            self._sockets[connection.fileno()] = (connection, wire)
            self._poll.register(connection, select.EPOLLIN)
        self._idle = deque(self._sockets.values())

    def run(self) -> Answered:
        time.sleep(0.1)  # for greetings to be exchanged
        self._receive()
        began = time.perf_counter()
        sent, count = 0, len(self._due)
        while self._answered < count:
            now = time.perf_counter() - began
            while sent < count and self._due[sent] <= now and self._send(sent):
                sent += 1
            if self._receive(began):
                continue
            if now > self._due[-1] + _LATE:
                raise ValueError(f"{count - self._answered} requests were not answered")
            if sent == count or self._due[sent] - now > _SPIN:
                select.select([self._poll], [], [], _SPIN / 2)
        took = sorted(1e3 * seconds for seconds in self._took)
        return Answered(
            requests=count,
            seconds=time.perf_counter() - began,
            p50_ms=percentile(took, 50),
            p99_ms=percentile(took, 99),
            failed=0,
        )

    def _send(self, number: int) -> bool:
        for _ in range(len(self._idle)):
            connection, wire = self._idle.popleft()
            if wire.has_room():
                octets = wire.request(number)
                if connection.send(octets) != len(octets):
                    raise ValueError("the server does not read what it is sent")
                if wire.has_room():
                    self._idle.append((connection, wire))
                return True
        return False

    def _receive(self, began: float = 0.0) -> int:
        events = self._poll.poll(0)
        for descriptor, _ in events:
            connection, wire = self._sockets[descriptor]
            octets = connection.recv(_CHUNK)
            if not octets:
                raise ValueError("the server closed a connection")
            had_room = wire.has_room()
            answered, reply = wire.feed(octets)
            now = time.perf_counter() - began
            for number in answered:
                self._took[number] = now - self._due[number]
            self._answered += len(answered)
            if reply:
                connection.send(reply)
            if not had_room and wire.has_room():
                self._idle.append((connection, wire))
        return len(events)


def plan_of(target: Target, *, rate: float, seconds: float = 0) -> Plan:
    return Plan(
        target.protocol,
        target.port,
        target.path,
        dict(target.headers),
        [body.decode("latin-1") for body in target.bodies],
        rate,
        seconds,
    )


def paced(target: Target, *, rate: float, seconds: float) -> Answered:
    """Load *target* at that rate from a process of its own.

    Raises:
        subprocess.CalledProcessError: If a reply was no success.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.load.paced"],
        input=json.dumps(asdict(plan_of(target, rate=rate, seconds=seconds))),
        stdout=subprocess.PIPE,
        text=True,
        timeout=seconds + _BEYOND,
        check=True,
    )
    answered: dict[str, Any] = json.loads(done.stdout)
    return Answered(**answered)


if __name__ == "__main__":
    gc.disable()  # for a pause of ours would be told as one of theirs
    print(json.dumps(asdict(Generator(Plan(**json.load(sys.stdin))).run())))
