"""Fill a throw-away store, and tell what its records weigh and whether it gets slower.

    .venv/bin/python -m bench.fill redis --records 1000000
    .venv/bin/python -m bench.fill sqlite --records 1000000

The records are written by grantd's own stores, over a transport that carries
many at once (bench.stores.bulk). Then tokens are issued and introspected in process, in
turns on the full store and on one that has a hundred of each, so that whatever
else the machine does falls on both.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol

import uvloop
from bench.stores.bulk import BulkRedis, BulkSqlite
from bench.stores.population import Population, client_id
from bench.stores.throwaway import RedisServer, master_key, redis_server

from adapters.redis import keys
from adapters.redis.clients import RedisClientStore
from adapters.redis.families import RedisRefreshFamilyStore
from adapters.redis.revocations import RedisRevocationList
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.revocations import SqliteRevocationList
from adapters.system.clock import SystemClock
from domain.model.events import Origin
from domain.ports.clients import ClientStore
from domain.ports.families import RefreshFamilyStore
from domain.ports.revocations import RevocationList
from domain.usecases.introspect_token import IntrospectionRequest
from domain.usecases.issue_token import TokenRequest
from entrypoints.container import Core, open_core
from entrypoints.settings import Settings

FEW: Final = 100
KINDS: Final = ("client", "family", "revocation")
_AT_ONCE: Final = 2_000
_SAMPLE: Final = 1_000
_FAMILIES_OF_A_CLIENT: Final = 1_000
_MORE_THAN_ARE_REMEMBERED: Final = 5_000
_SCANNED_AT_ONCE: Final = 10_000
_ORIGIN: Final = Origin(protocol="http", address="192.0.2.1")


class Place(Protocol):
    """A store that is being filled."""

    @property
    def clients(self) -> ClientStore: ...

    @property
    def families(self) -> RefreshFamilyStore: ...

    @property
    def revocations(self) -> RevocationList: ...

    def weight(self) -> int:
        """Return how many bytes it takes, with all that was written and nothing that passes."""
        ...

    def weight_alone(self, kind: str, population: Population, count: int) -> float | None:
        """Return the bytes of one record's own key, where the store can tell."""
        ...


class RedisPlace:
    def __init__(self, server: RedisServer, connection: BulkRedis) -> None:
        carried: Any = connection  # of a RedisConnection it has what writes
        self._server = server
        self.clients = RedisClientStore(carried)
        self.families = RedisRefreshFamilyStore(carried)
        self.revocations = RedisRevocationList(carried)

    def weight(self) -> int:
        self._drop_receipts()
        taken: int = self._server.info("used_memory") - self._server.info("mem_clients_normal")
        return taken

    def weight_alone(self, kind: str, population: Population, count: int) -> float | None:
        some = range(0, count, max(count // _SAMPLE, 1))
        names = [self._name(kind, population, number, count) for number in some]
        usage: list[Any] = [self._server.client.memory_usage(name) for name in names]
        return float(sum(usage)) / len(usage)

    def _drop_receipts(self) -> None:
        """Do at once what Redis does within a minute: forget which scripts were run."""
        redis = self._server.client
        found: Any = redis.scan_iter(match="grantd:{*}:receipt:*", count=_SCANNED_AT_ONCE)
        while some := list(islice(found, _SCANNED_AT_ONCE)):
            redis.unlink(*some)

    def _name(self, kind: str, population: Population, number: int, count: int) -> bytes:
        match kind:
            case "client":
                return keys.client(client_id(number))
            case "family":
                return keys.family(population.family(number, count).family_id)
            case _:
                return keys.revoked(population.revoked(number, count)[0])


class SqlitePlace:
    def __init__(self, database: BulkSqlite) -> None:
        carried: Any = database  # of a SqliteDatabase it has what writes
        self._database = database
        self.clients = SqliteClientStore(carried)
        self.families = SqliteRefreshFamilyStore(carried)
        self.revocations = SqliteRevocationList(carried)

    def weight(self) -> int:
        return self._database.settle()

    def weight_alone(self, _kind: str, _population: Population, _count: int) -> None:
        return None


async def fill(
    place: Place,
    population: Population,
    count: int,
    *,
    weigh: bool,
    kinds: Sequence[str] = KINDS,
) -> None:
    """Write that many of each kind, and print what one of them weighs."""

    def client(number: int) -> Awaitable[None]:
        return place.clients.add(population.client(number))

    def family(number: int) -> Awaitable[None]:
        opened = population.family(number, count)
        return place.families.open(opened, limit=_FAMILIES_OF_A_CLIENT, now=population.now)

    def revocation(number: int) -> Awaitable[None]:
        token_id, until = population.revoked(number, count)
        return place.revocations.add(token_id, until=until, now=population.now)

    writes: Mapping[str, Callable[[int], Awaitable[None]]] = {
        "client": client,
        "family": family,
        "revocation": revocation,
    }
    for kind in kinds:
        write = writes[kind]
        before, began = place.weight() if weigh else 0, time.perf_counter()
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, count))
            await asyncio.gather(*(write(number) for number in numbers))
        seconds = time.perf_counter() - began
        if weigh:
            each = (place.weight() - before) / count
            alone = place.weight_alone(kind, population, count)
            of_its_own = "" if alone is None else f", {alone:,.0f} of them for its own key"
            print(
                f"{count:,} of kind {kind}: {each:,.0f} bytes each{of_its_own};"
                f" written in {seconds:,.0f} s",
                flush=True,
            )


@dataclass(frozen=True, slots=True)
class Served:
    """A store as the core works on it."""

    core: Core
    population: Population
    clients: int
    url: str
    store_seconds: Callable[[], float]

    def issue(self, number: int) -> Awaitable[Any]:
        return self.core.issue_token(
            TokenRequest(
                credentials=self.population.credentials(number),
                grant_type="client_credentials",
                origin=_ORIGIN,
            )
        )

    def introspect(self, token: str) -> Awaitable[Any]:
        return self.core.introspect_token(
            IntrospectionRequest(
                credentials=self.population.server_credentials, token=token, origin=_ORIGIN
            )
        )

    async def tokens(self) -> list[str]:
        return [(await self.issue(number)).access_token for number in range(FEW)]


@dataclass(frozen=True, slots=True)
class Contest:
    """Medians of one request, in microseconds, on a store with few records and on a full one."""

    what: str
    few_us: float
    full_us: float


async def compare(few: Served, full: Served, rounds: int) -> list[Contest]:
    """Time both in turns, and print the medians and their ratio."""
    few_tokens, full_tokens = await few.tokens(), await full.tokens()
    print(f"in process, medians of {rounds:,}: {FEW} of each, full, and how they compare")
    numbers = [number % FEW for number in range(rounds)]
    contests = [await _contest("issue", numbers, (few, few.issue), (full, full.issue))]

    def ask_few(number: int) -> Awaitable[Any]:
        return few.introspect(few_tokens[number])

    def ask_full(number: int) -> Awaitable[Any]:
        return full.introspect(full_tokens[number])

    contests.append(await _contest("introspect", numbers, (few, ask_few), (full, ask_full)))
    if full.clients >= _MORE_THAN_ARE_REMEMBERED:
        everywhere = _chosen(full)
        for number in everywhere:
            await full.issue(number)  # its first success writes; see ADR 8
        await _contest(
            "issue, each time another client",
            range(rounds),
            (few, lambda number: few.issue(number % FEW)),
            (full, lambda number: full.issue(everywhere[number % len(everywhere)])),
        )
    return contests


async def _contest(
    what: str,
    numbers: Sequence[int],
    few: tuple[Served, Callable[[int], Awaitable[Any]]],
    full: tuple[Served, Callable[[int], Awaitable[Any]]],
) -> Contest:
    walls: tuple[list[float], list[float]] = ([], [])
    busy = [-served.store_seconds() for served, _ in (few, full)]
    for turn, number in enumerate(numbers):
        for place in (0, 1) if turn % 2 else (1, 0):
            _, work = (few, full)[place]
            began, spent = time.perf_counter(), time.process_time()
            await work(number)
            walls[place].append(time.perf_counter() - began)
            busy[place] += time.process_time() - spent
    busy = [spent + it.store_seconds() for spent, (it, _) in zip(busy, (few, full), strict=True)]
    of_few, of_full = (median(wall) for wall in walls)
    each_few, each_full = (spent / len(numbers) for spent in busy)
    print(
        f"{what}: {of_few * 1e6:,.0f} µs, {of_full * 1e6:,.0f} µs, {of_full / of_few:.3f};"
        f" of processors {each_few * 1e6:,.0f} µs, {each_full * 1e6:,.0f} µs,"
        f" {each_full / each_few:.3f}",
        flush=True,
    )
    return Contest(what, of_few * 1e6, of_full * 1e6)


@asynccontextmanager
async def redis_place(
    folder: Path, stack: AsyncExitStack
) -> AsyncIterator[tuple[str, Any, Callable[[], float]]]:
    """Start a server; yield its URL, what opens the place, and what tells its processor time."""
    server = stack.enter_context(redis_server(folder))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Place]:
        connection = await BulkRedis.open(server.host, server.port, 0)
        try:
            yield RedisPlace(server, connection)
        finally:
            await connection.close()

    yield server.url, opened, server.processor_seconds


@asynccontextmanager
async def sqlite_place(
    folder: Path, _stack: AsyncExitStack
) -> AsyncIterator[tuple[str, Any, Callable[[], float]]]:
    path = folder / "grantd.db"

    @asynccontextmanager
    async def opened() -> AsyncIterator[Place]:
        database = BulkSqlite(path)
        try:
            yield SqlitePlace(database)
        finally:
            await database.close()

    yield f"sqlite:///{path}", opened, lambda: 0.0  # it is of this process


_PLACES: Final = {"redis": redis_place, "sqlite": sqlite_place}


async def prepare(
    folder: Path,
    *,
    kind: str,
    count: int,
    weigh: bool,
    stack: AsyncExitStack,
    kinds: Sequence[str] = KINDS,
) -> Served:
    """Fill a store of its own, and open the core on it."""
    own = Path(tempfile.mkdtemp(dir=folder))
    url, opened, store_seconds = await stack.enter_async_context(_PLACES[kind](own, stack))
    settings = Settings(store=url, master_key_file=(master_key(own),), audit_log=("off",))
    core = await stack.enter_async_context(open_core(settings))
    population = await Population.found(core, SystemClock().now())
    async with opened() as place:
        await fill(place, population, count, weigh=weigh, kinds=kinds)
    return Served(core, population, count, url, store_seconds)


async def contests(folder: Path, kind: str, count: int, rounds: int) -> list[Contest]:
    """Compare a store full of clients and revocations with smaller ones.

    What is asked is the same on either: a hundred clients in turns, or more
    clients than a worker remembers, so that what differs is the store alone.
    """
    async with AsyncExitStack() as stack:
        made = partial(prepare, folder, kind=kind, stack=stack, kinds=("client", "revocation"))
        few = await made(count=FEW, weigh=False)
        full = await made(count=count, weigh=False)
        found = (await compare(few, full, rounds))[:2]
        if count > _MORE_THAN_ARE_REMEMBERED:
            some = await made(count=_MORE_THAN_ARE_REMEMBERED, weigh=False)
            found.append(await _everywhere(some, full, rounds))
        return found


async def _everywhere(some: Served, full: Served, rounds: int) -> Contest:
    chosen = [_chosen(served) for served in (some, full)]
    for served, numbers in zip((some, full), chosen, strict=True):
        for number in numbers:
            await served.issue(number)  # its first success writes; see ADR 8
    of_some, of_full = chosen
    return await _contest(
        f"issue, {_MORE_THAN_ARE_REMEMBERED:,} clients in turns",
        range(rounds),
        (some, lambda number: some.issue(of_some[number % len(of_some)])),
        (full, lambda number: full.issue(of_full[number % len(of_full)])),
    )


def _chosen(served: Served) -> Sequence[int]:
    return random.Random(1).sample(range(served.clients), _MORE_THAN_ARE_REMEMBERED)  # noqa: S311  (no secret)


async def main(kind: str, count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="grantd-fill-") as folder:
        async with AsyncExitStack() as stack:
            made = partial(prepare, Path(folder), kind=kind, stack=stack)
            few = await made(count=FEW, weigh=False)
            full = await made(count=count, weigh=True)
            await compare(few, full, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("store", choices=_PLACES)
    parser.add_argument("--records", type=int, default=10_000, help="how many of each kind")
    parser.add_argument("--rounds", type=int, default=2_000, help="how often each is timed")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given.store, given.records, given.rounds))
