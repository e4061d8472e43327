"""Ports that nobody listens on, for servers that tests start."""

import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack

HOST = "127.0.0.1"

# Below those that the system hands to whoever connects: a port is the same after a restart.
_PORTS = range(12_000, 32_000)


def free_ports(count: int) -> Sequence[int]:
    """Choose ports that nobody listens on."""
    with ExitStack() as held:
        chosen: list[int] = []
        while len(chosen) < count:
            port = random.SystemRandom().choice(_PORTS)
            try:
                held.enter_context(socket.create_server((HOST, port)))
            except OSError:
                continue
            chosen.append(port)
        return chosen


def free_port() -> int:
    """Choose one."""
    return free_ports(1)[0]
