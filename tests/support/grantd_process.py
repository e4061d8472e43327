"""The installed program as a process on free ports, and its command line."""

import base64
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from support.command_forks import command_forks
from support.free_ports import free_port

GRANTD = str(Path(sys.executable).with_name("grantd"))

_START_WITHIN = 30.0
_STOP_WITHIN = 40.0
_COMMANDS_AT_ONCE = 2

# Hardly anything here speaks TLS, and the usual context takes longer to make than a request.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client that the command line made, with its secret."""

    client_id: str
    secret: str = field(default="", repr=False)

    @property
    def basic(self) -> tuple[str, str]:
        """What httpx takes for HTTP Basic; our own ids and secrets need no form-encoding."""
        return (self.client_id, self.secret)

    @property
    def body(self) -> dict[str, str]:
        return {"client_id": self.client_id, "client_secret": self.secret}


class GrantdProcess:
    """`grantd` on one store in one folder, configured through its environment alone.

    Attributes:
        tls: What a client of it over TLS trusts, and shows of itself.
    """

    def __init__(self, folder: Path, *, store: str = "", settings: Mapping[str, str] = {}) -> None:
        self.folder = folder
        self.http_port = free_port()
        self.grpc_port = free_port()
        self.store = store or f"sqlite:///{folder / 'grantd.db'}"
        self.log = folder / "grantd.log"
        self.environment = {
            "PATH": os.environ["PATH"],
            "GRANTD_STORE": self.store,
            "GRANTD_HTTP": f"127.0.0.1:{self.http_port}",
            "GRANTD_GRPC": f"127.0.0.1:{self.grpc_port}",
            "GRANTD_ADMIN": "off",
            **{f"GRANTD_{name.upper()}": value for name, value in settings.items()},
        }
        if not self.store.startswith("sqlite"):
            self.environment["GRANTD_MASTER_KEY_FILE"] = str(self._make_master_key())
        self.tls = _NO_TLS
        self._process: subprocess.Popen[bytes] | None = None

    def _make_master_key(self) -> Path:
        path = self.folder / "master.key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(base64.b64encode(secrets.token_bytes(32)) + b"\n")
        return path

    @property
    def url(self) -> str:
        secured = "GRANTD_HTTP_CERTIFICATE_FILE" in self.environment
        return f"{'https' if secured else 'http'}://127.0.0.1:{self.http_port}"

    issuer = url

    @property
    def speaks_grpc(self) -> bool:
        return self.environment["GRANTD_GRPC"] != "off"

    @property
    def grpc_target(self) -> str:
        assert self.speaks_grpc, "this server was made without gRPC"
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *flags: str) -> "GrantdProcess":
        """Serve, and return once every protocol that it speaks accepts calls."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [GRANTD, "serve", *flags],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_WITHIN
        while not self.is_ready():
            if self._process.poll() is not None:
                status = self._process.returncode
                raise AssertionError(f"grantd ended at once: {status}\n{self.log.read_text()}")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"grantd did not become ready:\n{self.log.read_text()}")
            time.sleep(0.02)
        return self

    def is_ready(self) -> bool:
        try:
            if self.get("/readyz").status_code != 200:
                return False
            if self.speaks_grpc:
                socket.create_connection(("127.0.0.1", self.grpc_port), timeout=1).close()
        except (httpx.HTTPError, OSError):
            return False
        return True

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def workers(self, protocol: str) -> list[psutil.Process]:
        """Return the worker processes of a protocol, `http` or `grpc`."""
        found = []
        for child in psutil.Process(self.pid).children():
            with suppress(psutil.NoSuchProcess):  # a dead one, which nobody has buried yet
                if f"entrypoints.{protocol}_worker" in child.cmdline():
                    found.append(child)
        return found

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Return the exit status."""
        assert self._process is not None
        return self._process.wait(_STOP_WITHIN)

    def stop(self) -> int:
        """Let it drain, and return the exit status."""
        if self._process is None or self._process.poll() is not None:
            return 0 if self._process is None else self._process.returncode
        self.signal(signal.SIGTERM)
        try:
            return self.wait()
        finally:
            self.kill()

    def kill(self) -> None:
        """End the supervisor and all workers at once, as a power cut would."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def run(
        self, *arguments: str, stdin: str = "", environment: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line on the same store."""
        return command_forks().run(
            arguments,
            folder=self.folder,
            environment={**self.environment, **environment},
            stdin=stdin,
        )

    def require(self, *arguments: str) -> Any:  # noqa: ANN401  (JSON has any shape)
        """Run a command that has to succeed, and return the JSON it prints."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, f"grantd {' '.join(arguments)}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def create_scopes(self, *names: str) -> None:
        with ThreadPoolExecutor(_COMMANDS_AT_ONCE) as pool:
            list(pool.map(lambda name: self.require("scopes", "create", name), names))

    def create_client(self, client_id: str, *flags: str) -> RegisteredClient:
        made = self.require("clients", "create", "--id", client_id, *flags)
        return RegisteredClient(made["client_id"], made.get("client_secret") or "")

    def create_clients(self, flags: Mapping[str, Sequence[str]]) -> list[RegisteredClient]:
        """Create clients by their ids, several at once."""
        with ThreadPoolExecutor(_COMMANDS_AT_ONCE) as pool:
            return list(pool.map(lambda name: self.create_client(name, *flags[name]), flags))

    def post(
        self,
        path: str,
        form: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] = {},
    ) -> httpx.Response:
        """POST a form as an ordinary client does."""
        content = str(httpx.QueryParams(form if isinstance(form, Mapping) else list(form)))
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return httpx.post(
            self.url + path,
            content=content,
            headers=sent,
            auth=auth,
            timeout=20,
            trust_env=False,
            verify=self.tls,
        )

    def get(self, path: str, headers: Mapping[str, str] = {}) -> httpx.Response:
        return httpx.get(
            self.url + path, headers=dict(headers), timeout=20, trust_env=False, verify=self.tls
        )

    def issue(self, client: RegisteredClient, **form: str) -> httpx.Response:
        """Ask for a token by the client credentials grant."""
        sent = {"grant_type": "client_credentials", **form}
        return self.post("/access_token", sent, auth=client.basic)

    def refresh(self, client: RegisteredClient, token: str, **form: str) -> httpx.Response:
        sent = {"grant_type": "refresh_token", "refresh_token": token, **form}
        return self.post("/access_token", sent, auth=client.basic)

    def introspect(self, caller: RegisteredClient, token: str) -> httpx.Response:
        return self.post("/introspect", {"token": token}, auth=caller.basic)

    def revoke(self, caller: RegisteredClient, token: str) -> httpx.Response:
        return self.post("/revoke", {"token": token}, auth=caller.basic)

    def send_raw(self, request: bytes, *, timeout: float = 10.0) -> bytes:
        """Send bytes as they are on a connection of their own, and read until it closes."""
        with socket.create_connection(("127.0.0.1", self.http_port), timeout=timeout) as connection:
            connection.sendall(request)
            received = b""
            while chunk := connection.recv(65_536):
                received += chunk
            return received
