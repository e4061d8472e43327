"""A grantd as in production: its request log, audit trail and metrics are on."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import psutil
from bench.load.loads import Target
from bench.load.processors import family
from bench.servers import http_replies
from bench.servers.processes import running
from bench.stores.throwaway import RedisServer, free_port, master_key

from grantd.v1.token_service_pb2 import IntrospectTokenRequest, IssueTokenRequest

CLIENT: Final = "bench"
REFRESHING: Final = "bench-refreshing"
ES256, RS256 = "ES256", "RS256"
SCOPES: Final = {ES256: "read", RS256: "read.rs256"}
_RS256_RESOURCE: Final = "urn:bench:rs256"
LIVE_TOKENS: Final = 200

_START_WITHIN: Final = 30.0
_LOOK_EVERY: Final = 0.005

_WITHOUT_BYTECODE: Final = "PYTHONDONTWRITEBYTECODE"  # what is installed was compiled then

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_GRPC: Final = {"content-type": "application/grpc", "te": "trailers"}


class Grantd:
    """A running `grantd serve`, and what its endpoints are asked."""

    def __init__(
        self,
        process: psutil.Process,
        ports: "Ports",
        folder: Path,
        *,
        secrets: Mapping[str, str],
        store: RedisServer | None,
    ) -> None:
        self._process = process
        self._secrets = secrets
        self._store = store
        self.ports = ports
        self.request_log = folder / "grantd.log"

    def workers(self, protocol: str) -> Sequence[int]:
        return [
            child.pid
            for child in self._process.children()
            if f"entrypoints.{protocol}_worker" in child.cmdline()
        ]

    def everything(self) -> Sequence[int]:
        return [*family(self._process.pid), *self._stores()]

    def _stores(self) -> Sequence[int]:
        return () if self._store is None else (self._store.pid,)

    def issue(self, protocol: str, algorithm: str = ES256) -> Target:
        scope = SCOPES[algorithm]
        if protocol == "http":
            form = {"grant_type": "client_credentials", "scope": scope}
            return self._over_http("/access_token", [form])
        message = IssueTokenRequest(grant_type="client_credentials", scopes=[scope])
        return self._over_grpc("IssueToken", message.SerializeToString())

    def introspect(self, protocol: str) -> Target:
        if protocol == "http":
            return self._over_http("/introspect", [{"token": token} for token in self.tokens])
        message = IntrospectTokenRequest(token=self.tokens[0])
        return self._over_grpc("IntrospectToken", message.SerializeToString())

    @cached_property
    def tokens(self) -> Sequence[str]:
        """Live tokens, to be introspected in turns."""
        target = self.issue("http")
        return [
            json.loads(http_replies.ask(target, target.bodies[0]).body)["access_token"]
            for _ in range(LIVE_TOKENS)
        ]

    def refresh_token(self, spent: str = "") -> str:
        """Return a refresh token: the one that replaces *spent*, or a first one."""
        form = (
            {"grant_type": "refresh_token", "refresh_token": spent}
            if spent
            else {"grant_type": "client_credentials"}
        )
        target = self._over_http("/access_token", [form], client=REFRESHING)
        token: str = json.loads(http_replies.ask(target, target.bodies[0]).body)["refresh_token"]
        return token

    def ended(self) -> Mapping[str, float]:
        """Return how many requests ended with each outcome, as the metrics have it."""
        text = http_replies.get(self.ports.admin, "/metrics").body.decode()
        return outcomes(text)

    def _over_http(
        self, path: str, forms: Sequence[Mapping[str, str]], *, client: str = CLIENT
    ) -> Target:
        headers = {**FORM, "Authorization": basic(client, self._secrets[client])}
        bodies = [urlencode(form).encode() for form in forms]
        return self._target("http", self.ports.http, path, headers, bodies)

    def _over_grpc(self, method: str, message: bytes) -> Target:
        headers = {**_GRPC, "authorization": basic(CLIENT, self._secrets[CLIENT])}
        path = f"/grantd.v1.TokenService/{method}"
        return self._target("grpc", self.ports.grpc, path, headers, [message])

    def _target(
        self,
        protocol: str,
        port: int,
        path: str,
        headers: Mapping[str, str],
        bodies: Sequence[bytes],
    ) -> Target:
        return Target(
            protocol,
            port,
            path,
            headers,
            bodies,
            server=lambda: self.workers(protocol),
            everything=self.everything,
            store=self._stores,
        )


def basic(client: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


def outcomes(metrics: str) -> Mapping[str, float]:
    """Read the sums of `grantd_requests_total` by outcome."""
    sums: dict[str, float] = {}
    for line in metrics.splitlines():
        if line.startswith("grantd_requests_total{"):
            outcome = line.partition('outcome="')[2].partition('"')[0]
            sums[outcome] = sums.get(outcome, 0.0) + float(line.rpartition(" ")[2])
    return sums


@dataclass(frozen=True, slots=True)
class Ports:
    http: int = field(default_factory=free_port)
    grpc: int = field(default_factory=free_port)
    admin: int = field(default_factory=free_port)


class Installation:
    """A program of grantd with a folder and a store, whether it serves or not."""

    def __init__(self, program: Path, folder: Path, store: RedisServer | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.program = program
        self.folder = folder
        self._store = store
        self._key = master_key(folder)
        self._secrets: dict[str, str] = {}

    def environment(self, ports: Ports, *, workers: int = 1) -> dict[str, str]:
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("GRANTD_") and name != _WITHOUT_BYTECODE
            },
            "GRANTD_STORE": self._url,
            "GRANTD_MASTER_KEY_FILE": str(self._key),
            "GRANTD_HTTP": f"127.0.0.1:{ports.http}",
            "GRANTD_GRPC": f"127.0.0.1:{ports.grpc}",
            "GRANTD_ADMIN": f"127.0.0.1:{ports.admin}",
            "GRANTD_ISSUER": "http://127.0.0.1:8080",
            "GRANTD_AUDIT_LOG": str(self.folder / "audit.log"),
            "GRANTD_WORKERS": str(workers),
        }

    @property
    def _url(self) -> str:
        return f"sqlite:///{self.folder / 'grantd.db'}" if self._store is None else self._store.url

    def register(self) -> None:
        """Make the client that everything is asked as."""
        self._run("scopes", "create", SCOPES[ES256])
        self._run("resources", "create", _RS256_RESOURCE, "--signing-alg", RS256)
        self._run("scopes", "create", SCOPES[RS256], "--resource", _RS256_RESOURCE)
        self._create(CLIENT)
        grants = ("--grant", "client_credentials", "--grant", "refresh_token")
        self._create(REFRESHING, *grants, "--issue-refresh-token")

    def _create(self, client: str, *flags: str) -> None:
        made = self._run(
            *("clients", "create", "--id", client, "--json", *flags),
            *("--scope", " ".join(SCOPES.values()), "--default-scope", SCOPES[ES256]),
        )
        self._secrets[client] = json.loads(made)["client_secret"]

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=self.environment(Ports()),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    @contextmanager
    def serving(self, *, workers: int = 1, at_once: bool = False) -> Iterator[Grantd]:
        """Serve until the end of the block, which begins when it is ready, or *at_once*."""
        ports = Ports()
        log = self.folder / "grantd.log"
        log.touch()
        began = log.stat().st_size

        def is_ready() -> bool:
            return at_once or b"is ready" in log.read_bytes()[began:]

        with running(
            [self.program, "serve"],
            log=log,
            environment=self.environment(ports, workers=workers),
            is_ready=is_ready,
            folder=self.folder,
        ) as process:
            yield Grantd(
                psutil.Process(process.pid),
                ports,
                self.folder,
                secrets=self._secrets,
                store=self._store,
            )

    def first_token(self) -> float:
        """Start the program, and return after how many seconds it has issued a token."""
        began = time.perf_counter()
        with self.serving(at_once=True) as server:
            target = server.issue("http")
            while time.perf_counter() - began < _START_WITHIN:
                with suppress(OSError, HTTPException):
                    if http_replies.ask(target, target.bodies[0]).status == HTTPStatus.OK:
                        return time.perf_counter() - began
                time.sleep(_LOOK_EVERY)
        raise RuntimeError(f"no token within {_START_WITHIN} seconds")
