"""The command line without the cost of starting Python for each command.

A process imports the installed program once and forks for every command: each
still has a process, an environment, a folder and standard streams of its own,
and does what the program `grantd` does once it is imported. Nothing of gRPC is
loaded before the fork. As a program, this is that process.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

_LONGEST_REQUEST = 1_048_576
_STREAMS = 3
_KILLED = -signal.SIGKILL


class CommandForks:
    """Runs commands in forks of one process, which ends with this one."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="grantd-commands-")
        self._address = str(Path(self._folder.name, "socket"))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self._address)
        listener.listen()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.command_forks", str(listener.fileno())],
            env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
            stdin=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )
        listener.close()

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stdin: str = "",
        timeout: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end.

        Raises:
            TimeoutError: If it does not end.
        """
        request = {"arguments": list(arguments), "folder": str(folder), "env": dict(environment)}
        with (
            tempfile.TemporaryFile("w+") as given,
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as way,
        ):
            given.write(stdin)
            given.seek(0)
            way.settimeout(timeout)
            way.connect(self._address)
            streams = [given.fileno(), out.fileno(), err.fileno()]
            socket.send_fds(way, [json.dumps(request).encode()], streams)
            told = way.recv(16)
            status = int(told) if told else _KILLED
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read())
        return subprocess.CompletedProcess(["grantd", *arguments], status, *texts)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


@cache
def command_forks() -> CommandForks:
    """Return the one of this process."""
    forks = CommandForks()
    atexit.register(forks.close)
    return forks


def _serve(listener: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    while True:
        way, _ = listener.accept()
        request, streams, _, _ = socket.recv_fds(way, _LONGEST_REQUEST, _STREAMS)
        if request and os.fork() == 0:
            listener.close()
            _carry_out(json.loads(request), streams, way)
        for stream in streams:
            os.close(stream)
        way.close()


def _carry_out(request: dict[str, Any], streams: Sequence[int], way: socket.socket) -> NoReturn:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["folder"])
        sys.argv = ["grantd", *request["arguments"]]
        status = run(request["arguments"])
    except BaseException:  # noqa: BLE001  (it would be a traceback of the program as well)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        way.send(str(status).encode())
        os._exit(status)
    raise AssertionError("it has ended")


if __name__ == "__main__":
    import entrypoints.cli.clients
    import entrypoints.container
    import entrypoints.redis_stores  # noqa: F401  (imported once for all forks, as those above)
    from entrypoints.cli.app import run

    _serve(socket.socket(fileno=int(sys.argv[1])))
