"""What a Redis is told, command by command, while a test looks."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

_INTRODUCTIONS = frozenset({"HELLO", "CLIENT"})
_END = "the test has seen enough"


@contextmanager
def watched_commands(port: int) -> Iterator[list[str]]:
    """Collect the commands of all clients, in order; the list is complete at the end.

    Each is one round trip, since grantd sends no pipelines. What a script
    calls is not among them, nor how a new connection introduces itself.
    """
    commands: list[str] = []
    with socket.create_connection(("127.0.0.1", port), timeout=20) as watcher:
        lines = watcher.makefile("rb")
        watcher.sendall(b"MONITOR\r\n")
        if lines.readline() != b"+OK\r\n":
            raise RuntimeError("no MONITOR here")
        yield commands
        with socket.create_connection(("127.0.0.1", port), timeout=20) as other:
            other.sendall(f'ECHO "{_END}"\r\n'.encode())
            other.recv(1_024)
        while _END.encode() not in (line := lines.readline()):
            # +1700000000.123456 [0 127.0.0.1:50000] "MGET" "first" "second"
            _, _, rest = line.decode("latin-1").partition("[")
            whence, _, command = rest.partition("] ")
            name = command.split(" ", 1)[0].strip('"\r\n').upper()
            if not whence.endswith(" lua") and name not in _INTRODUCTIONS:
                commands.append(name)
        lines.close()
