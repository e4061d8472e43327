"""A burst: for a moment far more requests than there is capacity for, each on its own connection.

The connections are there before. What is told apart is who was admitted and
who was refused, since those who are refused are to cost the others little.
"""

import gc
import select
import socket
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from bench.load.loads import Target
from bench.load.paced import http_requests, plan_of
from bench.load.percentiles import percentile

from entrypoints.open_files import make_room

_LATE: Final = 20.0  # seconds that the last replies may take
_CHUNK: Final = 1 << 16
_ADMITTED: Final = b"200"
_REFUSED: Final = b"503"
_STATUS: Final = slice(len("HTTP/1.1 "), len("HTTP/1.1 200"))


@dataclass(frozen=True, slots=True)
class Burst:
    """How requests fared that came together. Times are in milliseconds."""

    admitted: int
    refused: int
    admitted_p50_ms: float
    admitted_p99_ms: float
    refused_p99_ms: float


def burst(target: Target, *, requests: int, rate: float) -> Burst:
    """Send each of several requests once, at *rate* a second.

    Raises:
        ValueError: If one is neither answered nor refused as overload is.
    """
    make_room()
    plan = plan_of(target, rate=rate)
    with ExitStack() as opened:
        connections = [
            opened.enter_context(socket.create_connection(("127.0.0.1", target.port)))
            for _ in range(requests)
        ]
        poll = opened.enter_context(select.epoll())
        for connection in connections:
            connection.setblocking(False)
            poll.register(connection, select.EPOLLIN)
        time.sleep(0.5)  # for the server to have taken all of them
        gc.disable()  # a pause of ours would be told as one of theirs
        try:
            took = _exchange(connections, poll, http_requests(plan), rate)
        finally:
            gc.enable()
    if set(took) - {_ADMITTED, _REFUSED}:
        raise ValueError(f"a burst was answered with {sorted(took)}")
    admitted, refused = sorted(took[_ADMITTED]), sorted(took[_REFUSED])
    return Burst(
        admitted=len(admitted),
        refused=len(refused),
        admitted_p50_ms=percentile(admitted, 50),
        admitted_p99_ms=percentile(admitted, 99),
        refused_p99_ms=percentile(refused, 99),
    )


def _exchange(
    connections: list[socket.socket], poll: select.epoll, requests: list[bytes], rate: float
) -> dict[bytes, list[float]]:
    """Return by status how long each reply took, in milliseconds, from when it was asked for."""
    took: defaultdict[bytes, list[float]] = defaultdict(list)
    asked: dict[int, float] = {}
    by_descriptor = {connection.fileno(): connection for connection in connections}

    def receive() -> None:
        for descriptor, _ in poll.poll(0):
            status = by_descriptor[descriptor].recv(_CHUNK)[_STATUS]
            took[status].append(1e3 * (time.perf_counter() - asked[descriptor]))
            poll.unregister(descriptor)

    began = time.perf_counter()
    for number, connection in enumerate(connections):
        while time.perf_counter() - began < number / rate:
            receive()
        asked[connection.fileno()] = time.perf_counter()
        connection.send(requests[number % len(requests)])
    while sum(map(len, took.values())) < len(connections):
        receive()
        if time.perf_counter() - began > _LATE:
            raise ValueError("part of a burst was never answered")
    return took
