"""Starting the floors, with replies copied from a running grantd."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import grpc
from bench.load.loads import Target
from bench.load.processors import family
from bench.servers import http_replies
from bench.servers.grantd import ES256, RS256, Grantd
from bench.servers.processes import running
from bench.stores.throwaway import free_port

_LEFT_TO_THE_SERVER: Final = frozenset({"date"})
_PYTHON: Final = sys.executable
_TIMEOUT: Final = 20.0
ALIVE: Final = "/alive"


class Floors:
    """The floor of each endpoint, as a target like the endpoint's own."""

    def __init__(self, targets: Mapping[tuple[str, str], Target]) -> None:
        self._targets = targets

    def issue(self, protocol: str, algorithm: str = ES256) -> Target:
        return self._targets[protocol, f"issue {algorithm}"]

    def introspect(self, protocol: str) -> Target:
        return self._targets[protocol, "introspect"]


@contextmanager
def floors(grantd: Grantd, folder: Path) -> Iterator[Floors]:
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        http = stack.enter_context(_http(grantd, folder))
        grpcs = {
            algorithm: stack.enter_context(_grpc(grantd, algorithm, folder))
            for algorithm in (ES256, RS256)
        }
        yield Floors({**http, **grpcs[RS256], **grpcs[ES256]})


@contextmanager
def _http(grantd: Grantd, folder: Path) -> Iterator[Mapping[tuple[str, str], Target]]:
    port, plan = free_port(), {}
    asked = {
        "issue ES256": (grantd.issue("http"), ES256),
        "issue RS256": (grantd.issue("http", RS256), RS256),
        "introspect": (grantd.introspect("http"), ""),
    }
    for what, (target, algorithm) in asked.items():
        reply = http_replies.ask(target, target.bodies[0])
        plan["/" + what.replace(" ", "-")] = {
            "fields": [field for field in reply.fields if field[0] not in _LEFT_TO_THE_SERVER],
            "body": reply.body.decode(),
            "signs_by": algorithm,
            "signed_bytes": _signed_bytes(reply.body) if algorithm else 0,
        }
    plan[ALIVE] = {
        "fields": [["content-length", "0"]],
        "body": "",
        "signs_by": "",
        "signed_bytes": 0,
    }
    (folder / "http.json").write_text(json.dumps(plan))
    command = [
        *(_PYTHON, "-m", "uvicorn", "bench.servers.floor_http:app", "--port", str(port)),
        *("--host", "127.0.0.1", "--loop", "uvloop", "--http", "httptools", "--ws", "none"),
        *("--interface", "asgi3", "--lifespan", "off", "--no-access-log", "--no-server-header"),
        *("--no-proxy-headers", "--log-level", "warning"),
    ]
    environment = {**os.environ, "BENCH_FLOOR": str(folder / "http.json")}
    log = folder / "http.log"
    with running(
        command,
        log=log,
        environment=environment,
        is_ready=lambda: http_replies.answers(port, ALIVE),
    ) as process:
        yield {
            ("http", what): _like(target, port, "/" + what.replace(" ", "-"), process.pid)
            for what, (target, _) in asked.items()
        }


@contextmanager
def _grpc(
    grantd: Grantd, algorithm: str, folder: Path
) -> Iterator[Mapping[tuple[str, str], Target]]:
    port = free_port()
    asked = {
        f"issue {algorithm}": grantd.issue("grpc", algorithm),
        "introspect": grantd.introspect("grpc"),
    }
    replies = {_method(target): call(target).hex() for target in asked.values()}
    given, log = folder / f"grpc-{algorithm}.json", folder / f"grpc-{algorithm}.log"
    given.write_text(json.dumps(replies))
    log.touch()
    with running(
        [_PYTHON, "-m", "bench.servers.floor_grpc", str(port), given],
        log=log,
        environment=os.environ,
        is_ready=lambda: b"ready" in log.read_bytes(),
    ) as process:
        yield {
            ("grpc", what): _like(target, port, target.path, process.pid)
            for what, target in asked.items()
        }


def _like(target: Target, port: int, path: str, pid: int) -> Target:
    def processes() -> Sequence[int]:
        return family(pid)

    return replace(
        target, port=port, path=path, server=processes, everything=processes, store=tuple
    )


def _method(target: Target) -> str:
    return target.path.rpartition("/")[2]


def _signed_bytes(body: bytes) -> int:
    token: str = json.loads(body)["access_token"]
    return len(token.rpartition(".")[0])


def call(target: Target) -> bytes:
    """Call a method of gRPC once, and return the message it answers with.

    Raises:
        grpc.RpcError: If it answers with another status than OK.
    """
    sent = (("authorization", target.headers["authorization"]),)
    with grpc.insecure_channel(f"127.0.0.1:{target.port}") as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(target.path)
        return method(target.bodies[0], metadata=sent, timeout=_TIMEOUT)
