"""What a request costs, by part: seconds of a processor, not of a clock on the wall.

    .venv/bin/python -m bench.parts sqlite
    .venv/bin/python -m bench.parts redis

The parts of the core are measured in process, the whole on the workers of a
running `grantd serve`, so that what is left is the edge: the server, reading
the request and presenting the answer. On Redis the server's own part is told
as well. `--at-once` requests are under way together, so that reads gather.
"""

import argparse
import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlencode

import grpc
import psutil
import uvloop
from bench.stores.population import Population, client_id
from bench.stores.throwaway import RedisServer, free_port, master_key, redis_server

from adapters.jose.signer import JoseTokenSigner
from adapters.jose.verifier import JoseTokenVerifier
from adapters.redis import keys
from adapters.store_trips import Unobserved
from adapters.system.clock import SystemClock
from adapters.system.secret_hashing import PepperedSecretHasher
from domain.model.credentials import PresentedCredentials
from domain.model.events import Origin
from domain.model.keys import SigningAlgorithm
from domain.model.limits import FailureLimits, accounts, vouching_key
from domain.usecases.introspect_token import IntrospectionRequest
from domain.usecases.issue_token import TokenRequest
from entrypoints.container import Core, open_core
from entrypoints.redis_stores import redis_stores
from entrypoints.settings import Settings
from entrypoints.sqlite_stores import sqlite_stores
from entrypoints.stores import Stores
from grantd.v1.token_service_pb2 import IntrospectTokenRequest, IssueTokenRequest
from grantd.v1.token_service_pb2_grpc import TokenServiceStub

_ORIGIN: Final = Origin(protocol="http", address="192.0.2.1")
_FEW: Final = 100
_BATCHES: Final = 9
_MIB: Final = 1 << 20
_OTHERS: Final = (0, 7, 63)
_ABSENT: Final = 5  # three budgets of failures, the voucher, the revocation
_TRIPS: Final = 6_400
_GRANTD: Final = str(Path(sys.executable).with_name("grantd"))
_REPLY_HEAD_ENDS: Final = b"\r\n\r\n"

Work = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, and how much of it."""

    core: Core
    population: Population
    tokens: Sequence[str]
    requests: int
    at_once: int

    def issue(self, number: int) -> Awaitable[Any]:
        return self.core.issue_token(
            TokenRequest(
                credentials=self.population.credentials(number % _FEW),
                grant_type="client_credentials",
                origin=_ORIGIN,
            )
        )

    def introspect(self, number: int) -> Awaitable[Any]:
        return self.core.introspect_token(
            IntrospectionRequest(
                credentials=self.population.server_credentials,
                token=self.tokens[number % _FEW],
                origin=_ORIGIN,
            )
        )

    async def cost(self, work: Work) -> float:
        """Return the median of batches, in microseconds of this process for each call."""
        await self._batch(work, 2 * _FEW)  # what is made once is made
        each = self.requests // _BATCHES
        costs = []
        for _ in range(_BATCHES):
            began = time.process_time()
            await self._batch(work, each)
            costs.append((time.process_time() - began) / each * 1e6)
        return median(costs)

    async def _batch(self, work: Work, count: int) -> None:
        for first in range(0, count, self.at_once):
            numbers = range(first, min(first + self.at_once, count))
            await asyncio.gather(*(work(number) for number in numbers))


@dataclass(frozen=True, slots=True)
class Servers:
    """A running grantd, its workers' processors, and clients of both protocols."""

    http_port: int
    grpc_port: int
    process: subprocess.Popen[bytes]

    def worker(self, protocol: str) -> psutil.Process:
        (worker,) = (
            child
            for child in psutil.Process(self.process.pid).children()
            if f"entrypoints.{protocol}_worker" in child.cmdline()
        )
        return worker

    def memory(self, protocol: str) -> float:
        return float(self.worker(protocol).memory_info().rss) / _MIB

    async def http_cost(self, requests: Sequence[bytes], bench: Bench) -> float:
        return await self._cost("http", bench, lambda: self._over_http(requests, bench))

    async def grpc_cost(self, call: Callable[[TokenServiceStub, int], Any], bench: Bench) -> float:
        async def load() -> None:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{self.grpc_port}") as channel:
                service = TokenServiceStub(channel)  # type: ignore[no-untyped-call]

                async def caller() -> None:
                    for number in range(bench.requests // bench.at_once):
                        await call(service, number)

                await asyncio.gather(*(caller() for _ in range(bench.at_once)))

        return await self._cost("grpc", bench, load)

    async def _cost(
        self, protocol: str, bench: Bench, load: Callable[[], Awaitable[None]]
    ) -> float:
        worker = self.worker(protocol)
        await load()  # what is made once is made
        before = worker.cpu_times()
        await load()
        after = worker.cpu_times()
        seconds = float(after.user + after.system - before.user - before.system)
        return seconds / (bench.requests // bench.at_once * bench.at_once) * 1e6

    async def _over_http(self, requests: Sequence[bytes], bench: Bench) -> None:
        async def connection() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
            for number in range(bench.requests // bench.at_once):
                writer.write(requests[number % len(requests)])
                head = await reader.readuntil(_REPLY_HEAD_ENDS)
                assert head.startswith(b"HTTP/1.1 200"), head
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
                await reader.readexactly(int(length))
            writer.close()
            await writer.wait_closed()

        await asyncio.gather(*(connection() for _ in range(bench.at_once)))


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[Servers]:
    ports = free_port(), free_port()
    environment = {
        **os.environ,
        "GRANTD_STORE": settings.store,
        "GRANTD_MASTER_KEY_FILE": str(settings.master_key_file[0]),
        "GRANTD_HTTP": f"127.0.0.1:{ports[0]}",
        "GRANTD_GRPC": f"127.0.0.1:{ports[1]}",
        "GRANTD_ISSUER": settings.issuer,
        "GRANTD_ADMIN": "off",
        "GRANTD_AUDIT_LOG": "off",
        "GRANTD_REQUEST_LOG": "false",
    }
    with (folder / "grantd.log").open("wb") as log:
        process = subprocess.Popen([_GRANTD, "serve"], env=environment, stdout=log, stderr=log)
    try:
        while b"is ready" not in (folder / "grantd.log").read_bytes():
            assert process.poll() is None, (folder / "grantd.log").read_text()
            time.sleep(0.1)
        yield Servers(*ports, process)
    finally:
        process.terminate()
        process.wait()


def request_of(path: str, credentials: PresentedCredentials, **form: str) -> bytes:
    body = urlencode(form)
    return (
        f"POST {path} HTTP/1.1\r\nHost: id.example.com\r\n"
        f"Authorization: {_basic(credentials)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _basic(credentials: PresentedCredentials) -> str:
    assert credentials.secret is not None
    userpass = f"{credentials.client_id}:{credentials.secret.reveal()}"
    return "Basic " + base64.b64encode(userpass.encode()).decode()


async def core_parts(bench: Bench, stores: Stores) -> dict[str, float]:
    """Measure what the core does for either request, and the largest parts of it alone."""
    catalogue = await bench.core.catalogue.read()
    now = bench.core.clock.now()
    key = catalogue.keyring.signer(SigningAlgorithm.ES256, now=now)
    assert key is not None
    issuer = json.loads(_payload(bench.tokens[0]))["iss"]
    signer, hasher = JoseTokenSigner(), PepperedSecretHasher()
    first = JoseTokenVerifier().peek(bench.tokens[0])
    assert first is not None
    claims = first.claims
    presented = bench.population.credentials(0)
    secret = presented.secret
    assert secret is not None

    def prove(number: int) -> Awaitable[object]:
        verifier = JoseTokenVerifier()
        unproved = verifier.peek(bench.tokens[number % _FEW])
        assert unproved is not None
        return verifier.verify(unproved, keys=catalogue.keyring.signing, issuer=issuer)

    def compare(_number: int) -> Awaitable[object]:
        return hasher.verify(
            secret,
            against=bench.population.template.secrets[0].hash,
            peppers=catalogue.keyring.peppers,
        )

    async def read(number: int) -> None:
        """Read what tells who is calling; a token by client credentials needs no more."""
        caller = client_id(number % _FEW)
        booked = accounts(FailureLimits(), client_id=caller, source=_ORIGIN.address)
        voucher = vouching_key(client_id=caller, source=_ORIGIN.address)
        balance = stores.limiter.peek([account.key for account in booked], voucher, now=now)
        found = stores.clients.find(caller)
        version = stores.catalogue.version()
        await balance, await found, await version

    try:
        return {
            "issue: the core": await bench.cost(bench.issue),
            "issue: of it, sign (ES256)": await bench.cost(lambda _: signer.sign(claims, key=key)),
            "issue: of it, read the store": await bench.cost(read),
            "introspect: the core, a token seen before": await bench.cost(bench.introspect),
            "introspect: of a new token besides, prove its signature": await bench.cost(prove),
            "either: of it, compare the secret": await bench.cost(compare),
        }
    finally:
        hasher.close()


def _payload(token: str) -> bytes:
    payload = token.split(".")[1]
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


async def edge_parts(bench: Bench, settings: Settings, folder: Path) -> dict[str, float]:
    """Measure whole requests on the workers of a running server."""
    population = bench.population
    issues = [
        request_of("/access_token", population.credentials(n), grant_type="client_credentials")
        for n in range(_FEW)
    ]
    asks = [
        request_of("/introspect", population.server_credentials, token=token)
        for token in bench.tokens
    ]

    def issue(service: TokenServiceStub, number: int) -> Any:  # noqa: ANN401  (a call of grpc)
        basic = _basic(population.credentials(number % _FEW))
        return service.IssueToken(
            IssueTokenRequest(grant_type="client_credentials"), metadata=(("authorization", basic),)
        )

    server_basic = _basic(population.server_credentials)

    def introspect(service: TokenServiceStub, number: int) -> Any:  # noqa: ANN401  (likewise)
        return service.IntrospectToken(
            IntrospectTokenRequest(token=bench.tokens[number % _FEW]),
            metadata=(("authorization", server_basic),),
        )

    with serving(settings, folder) as servers:
        return {
            "issue: the whole, HTTP worker": await servers.http_cost(issues, bench),
            "issue: the whole, gRPC worker": await servers.grpc_cost(issue, bench),
            "introspect: the whole, HTTP worker": await servers.http_cost(asks, bench),
            "introspect: the whole, gRPC worker": await servers.grpc_cost(introspect, bench),
            "HTTP worker, MiB of memory": servers.memory("http"),
            "gRPC worker, MiB of memory": servers.memory("grpc"),
        }


async def redis_parts(bench: Bench, server: RedisServer) -> dict[str, float]:
    """Measure what Redis spends on one request, and what goes over the network."""
    told: dict[str, float] = {}
    for name, work in (("issue", bench.issue), ("introspect", bench.introspect)):
        await bench.cost(work)
        before = _counters(server)
        await bench.cost(work)
        after = _counters(server)
        calls = bench.at_once + bench.requests // _BATCHES * _BATCHES
        for counter in before:
            told[f"{name}: {counter}"] = (after[counter] - before[counter]) / calls
    return told | {
        f"introspect: Redis, microseconds, {many} others in the same MGET": _together(server, many)
        for many in _OTHERS
    }


def _together(server: RedisServer, others: int) -> float:
    """Measure one introspection among others, none of which asks for the same keys."""
    read = [_read_of(number) for number in range(others + 1)]
    names = [key for keys_of_one in read for key in keys_of_one]
    before = _counters(server)
    for _ in range(_TRIPS // len(read)):
        server.client.mget(names)
    after = _counters(server)
    counter = next(iter(before))
    return (after[counter] - before[counter]) / (_TRIPS // len(read) * len(read))


def _read_of(number: int) -> list[bytes]:
    """Name what an introspection reads: two clients, a voucher, and what is mostly absent."""
    caller, subject = client_id(number % _FEW), client_id((number + 1) % _FEW)
    absent = [b"%b:absent:%d" % (keys.client(subject), place) for place in range(_ABSENT)]
    return [keys.CATALOGUE_VERSION, keys.client(caller), keys.client(subject), *absent]


def _counters(server: RedisServer) -> dict[str, float]:
    return {
        "Redis, microseconds of its processor": server.processor_seconds() * 1e6,
        "Redis, commands": server.info("total_commands_processed"),
        "Redis, keys read": server.info("keyspace_hits") + server.info("keyspace_misses"),
        "Redis, bytes received": server.info("total_net_input_bytes"),
        "Redis, bytes sent": server.info("total_net_output_bytes"),
    }


def open_stores(settings: Settings) -> Stores:
    if settings.store_kind == "sqlite":
        return sqlite_stores(settings, Unobserved())
    return redis_stores(settings, SystemClock(), Unobserved())


@asynccontextmanager
async def store(kind: str, folder: Path) -> AsyncIterator[tuple[str, RedisServer | None]]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'grantd.db'}", None
    else:
        with redis_server(folder) as server:
            yield server.url, server


async def main(kind: str, requests: int, at_once: int) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grantd-parts-")))
        url, server = await stack.enter_async_context(store(kind, folder))
        settings = Settings(store=url, master_key_file=(master_key(folder),), audit_log=("off",))
        core = await stack.enter_async_context(open_core(settings))
        population = await Population.found(core, SystemClock().now())
        for number in range(_FEW):
            await core.administer_clients.create(population.client(number))
        bench = Bench(core, population, [], requests, at_once)
        tokens = [(await bench.issue(number)).access_token for number in range(_FEW)]
        bench = Bench(core, population, tokens, requests, at_once)
        stores = open_stores(settings)
        stack.push_async_callback(stores.close)
        parts = await core_parts(bench, stores)
        if server is not None:
            parts |= await redis_parts(bench, server)
        parts |= await edge_parts(bench, settings, folder)
    print(f"{kind}, {at_once} requests at once; microseconds of a processor unless another unit")
    for name, cost in parts.items():
        print(f"{name}: {cost:,.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("store", choices=("sqlite", "redis"))
    parser.add_argument("--requests", type=int, default=4_000, help="of each kind")
    parser.add_argument("--at-once", type=int, default=32, help="requests under way together")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(given.store, given.requests, given.at_once))
