"""The servers of one run, side by side: grantd on each store, and the floors."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.checks import check_floor, check_introspect, check_issue
from bench.load.loads import Target
from bench.results import FLOOR
from bench.servers.floors import Floors, floors
from bench.servers.grantd import ES256, RS256, Grantd, Installation
from bench.stores.throwaway import redis_server

ISSUE, INTROSPECT = "issue", "introspect"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked again and again."""

    protocol: str
    kind: str
    algorithm: str = ES256

    def __str__(self) -> str:
        return f"{self.protocol} {self.kind} {self.algorithm}"

    def of(self, server: Grantd | Floors) -> Target:
        if self.kind == ISSUE:
            return server.issue(self.protocol, self.algorithm)
        return server.introspect(self.protocol)

    def check(self, grantd: Grantd) -> None:
        if self.kind == ISSUE:
            check_issue(grantd, self.protocol, self.algorithm)
        else:
            check_introspect(grantd, self.protocol)


REQUESTS: Final = (
    Request("http", ISSUE),
    Request("http", INTROSPECT),
    Request("grpc", ISSUE),
    Request("grpc", INTROSPECT),
    Request("http", ISSUE, RS256),
    Request("grpc", ISSUE, RS256),
)


@dataclass(frozen=True, slots=True)
class Bed:
    """What a run measures.

    Attributes:
        grantd: By the names of their stores; with another program's beside, if one was named.
    """

    installations: dict[str, Installation]
    grantd: dict[str, Grantd]
    floors: Floors
    requests: Sequence[Request]
    folder: Path

    def asking(self, requests: Sequence[Request]) -> "Bed":
        return replace(self, requests=requests)

    def contenders(self, request: Request) -> dict[str, Target]:
        made = {name: request.of(server) for name, server in self.grantd.items()}
        return {**made, FLOOR: request.of(self.floors)}

    def check(self, request: Request) -> None:
        for server in self.grantd.values():
            request.check(server)
            check_floor(request.of(server), request.of(self.floors))


@contextmanager
def installed(
    folder: Path, program: Path, stores: Sequence[str]
) -> Iterator[dict[str, Installation]]:
    """Make the client on a fresh store of each kind."""
    with ExitStack() as stack:
        made = {}
        for store in stores:
            own = folder / store
            own.mkdir(parents=True)
            server = (
                stack.enter_context(redis_server(own, durable=True)) if store == "redis" else None
            )
            made[store] = Installation(program, own, server)
            made[store].register()
        yield made


@contextmanager
def laid(
    folder: Path,
    *,
    programs: dict[str, Path],
    stores: Sequence[str],
    requests: Sequence[Request],
) -> Iterator[Bed]:
    """Start everything; *programs* are those of grantd, by what to add to the stores' names."""
    with ExitStack() as stack:
        installations = {
            f"{store}{suffix}": one
            for number, (suffix, program) in enumerate(programs.items())
            for store, one in stack.enter_context(
                installed(folder / str(number), program, stores)
            ).items()
        }
        servers = {name: stack.enter_context(one.serving()) for name, one in installations.items()}
        floor = stack.enter_context(floors(next(iter(servers.values())), folder / "floors"))
        yield Bed(installations, servers, floor, requests, folder)
