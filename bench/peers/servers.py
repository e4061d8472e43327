"""The peers as servers of a run: on Node, each with a Redis of its own where it needs one."""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from bench.checks import check_active, check_token, json_of
from bench.load.loads import Target
from bench.load.processors import family
from bench.servers import http_replies
from bench.servers.grantd import CLIENT, FORM, LIVE_TOKENS, basic
from bench.servers.processes import running
from bench.stores.throwaway import RedisServer, free_port, redis_server

FOLDER: Final = Path(__file__).parent
_GRANT: Final = urlencode({"grant_type": "client_credentials", "scope": "read"}).encode()


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that others wrote, and how it is told what to do.

    Attributes:
        introspects_at: Empty if it does not introspect tokens of this kind.

        names_client_in: The claim of its JWTs; empty if its tokens are opaque.
    """

    name: str
    program: str
    format: str
    introspects_at: str
    names_client_in: str

    @contextmanager
    def serving(self, folder: Path, algorithm: str) -> Iterator["ServingPeer"]:
        folder.mkdir(parents=True)
        with redis_server(folder, durable=True) as redis:
            port, secret = free_port(), secrets.token_urlsafe(32)
            environment = {
                "PATH": os.environ["PATH"],
                "NODE_ENV": "production",
                "PORT": str(port),
                "REDIS_PORT": str(redis.port),
                "ALGORITHM": algorithm,
                "FORMAT": self.format,
                "CLIENT_ID": CLIENT,
                "CLIENT_SECRET": secret,
            }
            with running(
                ["node", self.program],
                log=folder / "node.log",
                environment=environment,
                is_ready=lambda: http_replies.answers(port, "/jwks"),
                folder=FOLDER,
            ) as process:
                yield ServingPeer(self, port, basic(CLIENT, secret), process.pid, redis)


@dataclass(frozen=True, slots=True)
class ServingPeer:
    peer: Peer
    port: int
    authorization: str
    pid: int
    redis: RedisServer

    def issue(self) -> Target:
        return self._target("/token", [_GRANT])

    def introspect(self) -> Target:
        issue = self.issue()
        tokens = [
            json_of(http_replies.ask(issue, _GRANT))["access_token"] for _ in range(LIVE_TOKENS)
        ]
        bodies = [urlencode({"token": token}).encode() for token in tokens]
        return self._target(self.peer.introspects_at, bodies)

    def check_issue(self, algorithm: str) -> None:
        token = json_of(http_replies.ask(self.issue(), _GRANT))["access_token"]
        key_set = json.loads(http_replies.get(self.port, "/jwks").body)
        if self.peer.names_client_in:
            check_token(token, key_set, algorithm, names_client_in=self.peer.names_client_in)

    def check_introspect(self, target: Target) -> None:
        check_active(target)

    def _target(self, path: str, bodies: Sequence[bytes]) -> Target:
        def processes() -> Sequence[int]:
            return family(self.pid)

        def stores() -> Sequence[int]:
            return (self.redis.pid,)

        everything: Callable[[], Sequence[int]] = lambda: [*processes(), *stores()]  # noqa: E731
        headers = {**FORM, "Authorization": self.authorization}
        return Target(
            "http",
            self.port,
            path,
            headers,
            bodies,
            server=processes,
            store=stores,
            everything=everything,
        )
