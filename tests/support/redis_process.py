"""A program of Redis' for tests: on a port of its own, and mistreated at will."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import hiredis

from support.free_ports import HOST
from support.redis_certificates import RedisCertificates

_PATIENCE = 20.0
_PAUSE = 0.02
_CHUNK = 65_536


class RedisProcess:
    """One process, and the next ones on the same port and directory.

    It is configured by a file, which Redis rewrites as it likes, so that a
    restart finds what was set or brought about meanwhile.

    Args:
        directory: What it writes goes here; it is made if it is not there.

        options: As on the command line: a word that begins with two dashes,
            and its values. Of two with the same name the later one stands.

        password: The password of the default user, who may be asked for none.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        options: Iterable[str],
        *,
        flags: Sequence[str] = (),
        certificates: RedisCertificates | None = None,
        password: str | None = None,
        program: str = "redis-server",
    ) -> None:
        self._program = program
        self._directory = directory
        self._port = port
        self._flags = flags
        self._context = certificates.context() if certificates is not None else None
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = False
        self._configuration = directory / "redis.conf"
        directory.mkdir(exist_ok=True)
        lines = "\n".join(_lines((*_listening(port, directory, certificates), *options)))
        self._configuration.write_text(f"{lines}\n", encoding="utf-8")

    @property
    def directory(self) -> Path:
        return self._directory

    @property
    def port(self) -> int:
        return self._port

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_well(self) -> bool:
        """Whether it has been neither stopped nor frozen."""
        return self._process is not None and not self._frozen

    def restart(self) -> None:
        """Stop it, if it runs, and start it anew on what it wrote."""
        self.stop()
        self.launch()
        self.wait_until_alive()

    def launch(self) -> None:
        """Start it, and don't wait until it answers."""
        program = shutil.which(self._program)
        if program is None:
            raise RuntimeError(f"{self._program} is not on the PATH; `make test` brings it")
        self._process = subprocess.Popen(
            [program, str(self._configuration), *self._flags], stdin=subprocess.DEVNULL
        )

    def stop(self) -> None:
        """End it in order, if it runs."""
        self.thaw()
        give_up_at = time.monotonic() + _PATIENCE
        # One that is writing its first append-only file will not be told, and has to be told again.
        while self._process is not None and time.monotonic() < give_up_at:
            self._end(signal.SIGTERM, within=1)
        self.kill()

    def kill(self) -> None:
        """End it as a loss of power would, if it runs."""
        self._frozen = False
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""
        self._frozen = True
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._frozen = False
        self._send(signal.SIGCONT)

    def command(self, *words: str | int) -> Any:  # noqa: ANN401  (Redis answers in any shape)
        """Send a command over a connection of its own and return the reply.

        Raises:
            RuntimeError: If the reply is an error.
            OSError: If there is none.
        """
        with self._conversation() as talk:
            return talk.say(*words)

    def information(self, section: str) -> dict[str, str]:
        """Return the fields of a section of INFO."""
        lines = self.command("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def wait_until_alive(self) -> None:
        """Return once it answers.

        Raises:
            RuntimeError: If it does not, with the end of its log.
        """
        give_up_at = time.monotonic() + _PATIENCE
        while time.monotonic() < give_up_at:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                if self.command("PING") == "PONG":
                    return
            except (OSError, RuntimeError):
                pass
            time.sleep(_PAUSE)
        self.kill()
        log = self._directory / "redis.log"
        said = log.read_text(encoding="utf-8")[-2_000:] if log.exists() else "nothing"
        raise RuntimeError(f"{self._program} did not come up; it says: {said}")

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals, *, within: float = _PATIENCE) -> None:
        self._send(number)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(within)
                self._process = None

    @contextmanager
    def _conversation(self) -> Iterator["_Conversation"]:
        with ExitStack() as opened:
            connection = opened.enter_context(
                socket.create_connection((HOST, self._port), timeout=_PATIENCE)
            )
            if self._context is not None:
                connection = opened.enter_context(
                    self._context.wrap_socket(connection, server_hostname=HOST)
                )
            talk = _Conversation(connection)
            if self._password is not None:
                talk.say("AUTH", self._password)
            yield talk


class _Conversation:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._replies = hiredis.Reader(encoding="utf-8", errors="replace", replyError=RuntimeError)

    def say(self, *words: str | int) -> Any:  # noqa: ANN401
        self._connection.sendall(hiredis.pack_command(tuple(map(str, words))))
        while (reply := self._replies.gets()) is False:
            received = self._connection.recv(_CHUNK)
            if not received:
                raise ConnectionResetError("the connection ended before the reply")
            self._replies.feed(received)
        if isinstance(reply, RuntimeError):
            raise reply
        return reply


def _listening(
    port: int, directory: Path, certificates: RedisCertificates | None
) -> tuple[str, ...]:
    there = ("--bind", HOST, "--dir", str(directory), "--logfile", str(directory / "redis.log"))
    if certificates is None:
        return ("--port", str(port), *there)
    return (
        *("--port", "0", "--tls-port", str(port), *there),
        *("--tls-ca-cert-file", str(certificates.ca_file)),
        *("--tls-cert-file", str(certificates.certificate_file)),
        *("--tls-key-file", str(certificates.key_file)),
        *("--tls-auth-clients", "optional", "--tls-replication", "yes"),
    )


def _lines(options: Iterable[str]) -> Iterator[str]:
    line = ""
    for word in options:
        if not word.startswith("--"):
            line = f'{line} "{word}"'
            continue
        if line:
            yield line
        line = word.removeprefix("--")
    yield line
