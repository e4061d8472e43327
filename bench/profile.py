"""Where a worker's time goes, by part of a request's way, from py-spy.

    .venv/bin/python -m bench.profile sqlite http issue
    .venv/bin/python -m bench.profile redis

A worker under load is sampled, and each sample belongs to the part of the
innermost frame that is ours; the server's own are the connection, the event
loop and what uvicorn, httptools and grpc do. The kernel's time is where it was
called from. A part's share of the samples is its share of the processor time
that the main thread takes for a request; what other threads take, the kernel
tells. Sampling pauses the worker, so a profile is no measurement of the whole:
`make bench` is.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from bench.bed import REQUESTS, Request, installed
from bench.load.closed import closed_loop
from bench.measuring import AT_ONCE
from bench.occasion import stop_in_order
from bench.servers.grantd import ES256, Grantd
from bench.targets import STORES

SERVER: Final = "server"
THREADS: Final = "other threads"
PARTS: Final = (
    *("parse", "authenticate", "decide", "store", "sign", "present", "tell"),
    *(SERVER, THREADS),
)
"""In the order of a request's way; `tell` is the request log, metrics and the audit trail."""

_FILES: Final[Mapping[str, str]] = {
    "adapters/audit_lines": "tell",
    "adapters/authentication_method": "parse",
    "adapters/basic_credentials": "parse",
    "adapters/client_assertion": "parse",
    "adapters/introspection_members": "present",
    "adapters/records": "store",
    "adapters/request_record": "tell",
    "adapters/store_trips": "store",
    "adapters/use_notes": "tell",
    "adapters/grpc/mapping": "present",
    "adapters/grpc/calls": SERVER,
    "adapters/grpc/client_auth": "parse",
    "adapters/http/application": SERVER,
    "adapters/http/presenters": "present",
    "adapters/http/protocol": SERVER,
    "adapters/http/reply": "present",
    "adapters/jose/": "sign",
    "adapters/memory/": "store",
    "adapters/redis/": "store",
    "adapters/sqlite/": "store",
    "adapters/system/secret_hashing": "authenticate",
    "adapters/telemetry/": "tell",
    "adapters/": "parse",
    "domain/model/credentials": "authenticate",
    "domain/model/limits": "authenticate",
    "domain/ports/reading": "store",
    "domain/usecases/authenticate_": "authenticate",
    "domain/usecases/current_catalogue": "store",
    "domain/usecases/note_use": "tell",
    "domain/usecases/proved_client": "authenticate",
    "domain/": "decide",
    "entrypoints/": SERVER,
}
"""The longest beginning of a file's path that stands here says which part it is of."""

_MAIN: Final = "): MainThread"
_RATE: Final = 500
_SAMPLED: Final = 6


def part_of(stack: str) -> str:
    """Return the part of a stack as py-spy writes it: `name (file:line)`, outermost first."""
    for frame in reversed(stack.split(";")):
        file = frame.rpartition(" (")[2]
        begins = max((start for start in _FILES if file.startswith(start)), key=len, default="")
        if begins:
            return _FILES[begins]
    return SERVER


def shares(raw: Iterable[str]) -> dict[str, float]:
    """Return each part's share of the main thread's samples, from the lines of a raw profile."""
    samples: Counter[str] = Counter()
    for line in raw:
        stack, _, count = line.rpartition(" ")
        if _MAIN in stack.partition(";")[0]:
            samples[part_of(stack)] += int(count)
    return {part: samples[part] / max(samples.total(), 1) for part in PARTS[:-1]}


@dataclass(frozen=True, slots=True)
class Threads:
    """Processor seconds of a process so far: of its first thread, and of all."""

    main: float
    all: float

    @classmethod
    def of(cls, pid: int) -> "Threads":
        busy = {one.id: one.user_time + one.system_time for one in psutil.Process(pid).threads()}
        return cls(busy[pid], sum(busy.values()))

    def main_share_since(self, before: "Threads") -> float:
        return (self.main - before.main) / max(self.all - before.all, 1e-9)


def profile(server: Grantd, request: Request, folder: Path) -> tuple[float, dict[str, float]]:
    """Return the microseconds of a processor that a request takes, and each part's of them."""
    target = request.of(server)
    closed_loop(target, folder, at_once=AT_ONCE, seconds=1)
    whole = closed_loop(target, folder, at_once=AT_ONCE, seconds=2).server_us
    (worker,) = target.server()
    raw = folder / "profile.txt"
    command: list[str | Path] = [
        *(Path(sys.executable).with_name("py-spy"), "record", "--pid", str(worker)),
        *("--format", "raw", "--rate", str(_RATE), "--duration", str(_SAMPLED)),
        *("--threads", "--output", raw),
    ]
    before = Threads.of(worker)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as spy:
        closed_loop(target, folder, at_once=AT_ONCE, seconds=_SAMPLED + 1)
        spy.wait()
    main = whole * Threads.of(worker).main_share_since(before)
    with raw.open() as lines:
        parts = {part: main * share for part, share in shares(lines).items()}
    return whole, {**parts, THREADS: whole - main}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="bench.profile", description="Where a worker's time goes, by part."
    )
    parser.add_argument("words", nargs="*", help="sqlite, redis, http, grpc, issue, introspect")
    parser.add_argument("--program", type=Path, default=Path(sys.executable).with_name("grantd"))
    given = parser.parse_args(arguments)
    stores = [store for store in STORES if store in given.words] or list(STORES)
    wanted = [
        one
        for one in REQUESTS
        if one.algorithm == ES256
        and all(getattr(one, kind) in given.words for kind in _named(given.words))
    ]
    print(f"| microseconds | whole | {' | '.join(PARTS)} |")
    print(f"| --- {'| ---: ' * (len(PARTS) + 1)}|")
    with (
        tempfile.TemporaryDirectory(prefix="grantd-profile-") as name,
        installed(Path(name), given.program, stores) as installations,
    ):
        for store, installation in installations.items():
            with installation.serving() as server:
                for request in wanted:
                    whole, parts = profile(server, request, Path(name))
                    cells = " | ".join(f"{parts[part]:.0f}" for part in PARTS)
                    print(f"| {request}, {store} | {whole:.0f} | {cells} |", flush=True)


def _named(words: Sequence[str]) -> list[str]:
    kinds = {"protocol": ("http", "grpc"), "kind": ("issue", "introspect")}
    return [kind for kind, names in kinds.items() if set(names) & set(words)]


if __name__ == "__main__":
    stop_in_order()
    main(sys.argv[1:])
