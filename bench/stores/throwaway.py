"""Stores for one run: a file, or a redis-server of its own, gone at the end."""

import base64
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

_START_WITHIN = 20.0


class RedisServer:
    """A redis-server with nothing in it.

    Args:
        durable: Whether it writes what it is told to disk, as in production.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self._process = subprocess.Popen(
            [
                "redis-server",
                *("--port", str(self.port), "--bind", self.host, "--dir", str(folder)),
                *("--save", "", "--maxmemory-policy", "noeviction"),
                *("--appendonly", "yes" if durable else "no", "--appendfsync", "everysec"),
            ],
            stdout=subprocess.DEVNULL,
        )
        self.client = redis.Redis(self.host, self.port)
        self._await()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def info(self, name: str) -> Any:  # noqa: ANN401  (a number or a text, as Redis has it)
        facts: Any = self.client.info("all")
        return facts[name]

    def processor_seconds(self) -> float:
        return float(self.info("used_cpu_user") + self.info("used_cpu_sys"))

    def stop(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait()

    def _await(self) -> None:
        deadline = time.monotonic() + _START_WITHIN
        while True:
            try:
                self.client.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise
                time.sleep(0.05)
            else:
                return


@contextmanager
def redis_server(folder: Path, *, durable: bool = False) -> Iterator[RedisServer]:
    server = RedisServer(folder, durable=durable)
    try:
        yield server
    finally:
        server.stop()


def master_key(folder: Path) -> Path:
    """Make a master key file for one run."""
    path = folder / "master.key"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
    return path


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port
