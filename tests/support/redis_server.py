"""A real redis-server for tests: on a port of its own, durable, and mistreated at will."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

_HOST = "127.0.0.1"
_PATIENCE = 20.0
_ALIVE = (b"+PONG", b"-NOAUTH")


class RedisServer:
    """One redis-server process, and the next ones on the same port and directory.

    Args:
        options: Further options, which stand over the usual ones.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self._directory = directory
        self._options = options
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, directory: Path, *options: str) -> Self:
        """Start a server that writes into *directory* and answers when this returns."""
        server = cls(directory, *options)
        server.restart()
        return server

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"redis://{_HOST}:{self._port}/0"

    def restart(self) -> None:
        """Stop it, if it runs, and start it anew on what it wrote."""
        self.stop()
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("these tests need redis-server on the PATH; `make test` brings it")
        self._process = subprocess.Popen(
            [
                *(program, "--port", str(self._port), "--bind", _HOST),
                *("--dir", str(self._directory), "--logfile", "redis.log"),
                *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
                *("--maxmemory-policy", "noeviction"),
                *self._options,
            ],
            stdin=subprocess.DEVNULL,
        )
        self._wait_until_alive(self._process)

    def stop(self) -> None:
        """End it in order, if it runs."""
        self.thaw()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a loss of power would, if it runs."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def command(self, line: str) -> str:
        """Send one inline command and return the first line of the reply, as it is written."""
        return _ask(self._port, line).decode().rstrip("\r\n")

    def flush(self) -> None:
        """Forget everything."""
        reply = self.command("FLUSHALL")
        if reply != "+OK":
            raise RuntimeError(f"FLUSHALL: {reply}")

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._send(number)
        if self._process is not None:
            self._process.wait(_PATIENCE)
            self._process = None

    def _wait_until_alive(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + _PATIENCE
        while time.monotonic() < give_up_at:
            if process.poll() is not None:
                break
            try:
                if _ask(self._port, "PING").startswith(_ALIVE):
                    return
            except OSError:
                pass
            time.sleep(0.02)
        self.kill()
        log = self._directory / "redis.log"
        said = log.read_text(encoding="utf-8")[-2_000:] if log.exists() else "nothing"
        raise RuntimeError(f"redis-server did not come up; it says: {said}")


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _ask(port: int, line: str) -> bytes:
    with socket.create_connection((_HOST, port), timeout=_PATIENCE) as connection:
        connection.sendall(f"{line}\r\n".encode())
        with connection.makefile("rb") as replies:
            return replies.readline()
