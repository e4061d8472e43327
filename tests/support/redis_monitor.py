"""What a Redis is told, command by command, while a test looks."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_INTRODUCTIONS = frozenset({"HELLO", "CLIENT"})
_END = "the test has seen enough"
_USE_NOTE = re.compile(r'"EVAL(?:SHA)?" .*" "2" "grantd:\{[0-9a-f]{3}\}:usage:([^"]+)"')
_USE_WRITE = re.compile(r'"SET" "grantd:\{[0-9a-f]{3}\}:usage:([^"]+)"')


class Commands(list[str]):
    """The names of commands.

    Attributes:
        use_notes: Whose use was noted, command by command. Nobody waits for
            these, and they come when they come, so they are kept apart.

        use_writes: For whom such a command wrote anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.use_notes: list[str] = []
        self.use_writes: list[str] = []


@contextmanager
def watched_commands(port: int) -> Iterator[Commands]:
    """Collect the commands of all clients, in order; the list is complete at the end.

    Each is one round trip, since grantd sends no pipelines. What a script
    calls is not among them, nor how a new connection introduces itself.
    """
    commands = Commands()
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
            if whence.endswith(" lua"):
                commands.use_writes += _USE_WRITE.findall(command)
            elif name in _INTRODUCTIONS:
                continue
            elif use_note := _USE_NOTE.match(command):
                commands.use_notes.append(use_note[1])
            else:
                commands.append(name)
        lines.close()
