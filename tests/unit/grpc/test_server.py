"""Health, reflection, unknown methods, and the end of a server."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from adapters.grpc import server
from adapters.grpc.server import GrpcServer
from adapters.readiness import Readiness
from adapters.source_addresses import SourceAddresses
from domain.errors import Unavailable
from domain.model.scopes import Scope
from domain.model.tokens import IssuedToken
from grantd.v1.token_service_pb2 import IntrospectTokenRequest, IssueTokenRequest
from support.core import build_core
from support.doubles import SeededEntropy
from support.grpc_calls import refused
from support.grpc_service import Core, Served, administration_of, service_of, serving

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize(
    "method",
    [
        "/grantd.v1.TokenService/MintGold",
        "/grantd.v2.TokenService/IssueToken",
        "/grpc.health.v1.Health/List",
    ],
)
async def test_GRP_012_an_unknown_method_is_unimplemented(served: Served, method: str) -> None:
    """So is one that a library would serve but that we do not offer."""
    reply = await refused(served.channel.unary_unary(method)(b""))

    assert reply.code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("service", ["", "grantd.v1.TokenService"])
async def test_GRP_012_the_server_says_that_it_serves(served: Served, service: str) -> None:
    """Overall, and for the service by name."""
    reply = await HealthStub(served.channel).Check(HealthCheckRequest(service=service))

    assert reply.status == SERVING


async def test_the_health_of_an_unknown_service_is_not_found(served: Served) -> None:
    """As the health checking protocol has it; a watcher may wait for it."""
    health = HealthStub(served.channel)
    other = HealthCheckRequest(service="other")

    reply = await refused(health.Check(other))
    watched = await health.Watch(other).read()

    assert reply.code is grpc.StatusCode.NOT_FOUND
    assert watched.status == HealthCheckResponse.SERVICE_UNKNOWN


class FragileProbe:
    name = "store"
    is_broken = False

    async def check(self) -> None:
        if self.is_broken:
            raise Unavailable("tell-tale")


async def test_the_health_of_a_service_follows_its_store(core: Core) -> None:
    """A watcher hears of each change; what needs no store serves on."""
    store = FragileProbe()
    async with serving(core.service(), probes=[store]) as served:
        health = HealthStub(served.channel)
        watch = health.Watch(HealthCheckRequest(service="grantd.admin.v1.KeyService"))
        assert (await watch.read()).status == SERVING
        store.is_broken = True
        assert (await watch.read()).status == NOT_SERVING
        found = {
            service: (await health.Check(HealthCheckRequest(service=service))).status
            for service in ("", "grantd.v1.TokenService", "grpc.health.v1.Health")
        }
        store.is_broken = False
        assert (await watch.read()).status == SERVING

    assert found == {
        "": NOT_SERVING,
        "grantd.v1.TokenService": NOT_SERVING,
        "grpc.health.v1.Health": SERVING,
    }


async def test_reflection_describes_the_service_to_a_stock_client(served: Served) -> None:
    """Whoever has only the address learns the methods and the messages."""

    def look() -> tuple[list[str], list[str]]:
        with grpc.insecure_channel(served.target) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            service = DescriptorPool(database).FindServiceByName("grantd.v1.TokenService")
            return list(database.get_services()), [method.name for method in service.methods]

    services, methods = await asyncio.to_thread(look)

    assert services == [
        "grantd.admin.v1.ClientService",
        "grantd.admin.v1.KeyService",
        "grantd.admin.v1.ResourceService",
        "grantd.v1.TokenService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    ]
    assert methods == ["IssueToken", "IntrospectToken", "RevokeToken"]


async def test_a_stream_has_a_request_id_as_every_call(served: Served) -> None:
    """What goes through the interceptor is every method, whoever wrote it."""
    call = ServerReflectionStub(served.channel).ServerReflectionInfo(
        iter([ServerReflectionRequest(list_services="")])
    )
    assert [reply async for reply in call]

    assert dict(await call.trailing_metadata())["x-request-id"]


async def test_a_drain_tells_the_watchers_and_lets_calls_in_flight_finish() -> None:
    """Nobody new is served meanwhile, and no watcher holds the drain up."""
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow(_request: object) -> IssuedToken:
        begun.set()
        await finish.wait()
        return IssuedToken(access_token="t", expires_in=timedelta(1), scope=Scope())

    async with serving(service_of(slow)) as served:
        watch = HealthStub(served.channel).Watch(HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        in_flight = served.tokens.IssueToken(IssueTokenRequest(client_id="ledger"))
        await begun.wait()

        served.readiness.drain()
        assert (await watch.read()).status == NOT_SERVING
        drain = asyncio.create_task(served.server.drain(timedelta(seconds=30)))
        assert await watch.read() is grpc.aio.EOF
        late = await refused(served.tokens.IssueToken(IssueTokenRequest(), timeout=5))
        assert not drain.done()
        finish.set()

        assert (await in_flight).access_token == "t"
        await asyncio.wait_for(drain, 5)

    assert late.code is grpc.StatusCode.UNAVAILABLE


async def test_a_drain_ends_with_its_grace() -> None:
    """A call that does not come to an end is cancelled."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def endless(_request: object) -> None:
        begun.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(service_of(endless)) as served:
        call = served.tokens.IntrospectToken(IntrospectTokenRequest(client_id="ledger"))
        pending = asyncio.create_task(refused(call))
        await begun.wait()

        await asyncio.wait_for(served.server.drain(timedelta(milliseconds=100)), 5)
        await asyncio.wait_for(cancelled.wait(), 5)
        await pending


async def test_connections_beyond_the_bound_are_closed(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And there is room again once one is gone."""
    bound = ("grpc.max_allowed_incoming_connections", server.MAX_CONNECTIONS)
    assert bound in server._OPTIONS
    others = [option for option in server._OPTIONS if option != bound]
    monkeypatch.setattr(server, "_OPTIONS", [*others, (bound[0], 2)])
    async with serving(core.service()) as served, AsyncExitStack() as stack:
        host, _, port = served.target.partition(":")

        async def connect() -> tuple[bytes, asyncio.StreamWriter]:
            """Begin to speak HTTP/2, and return what comes back at once."""
            reader, writer = await asyncio.open_connection(host, int(port))
            stack.push_async_callback(_close, writer)
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
            try:
                return await asyncio.wait_for(reader.read(1), 5), writer
            except ConnectionResetError:
                return b"", writer

        answers = [await connect() for _ in range(3)]
        await _close(answers[0][1])
        health = HealthStub(served.channel)
        reply = await health.Check(HealthCheckRequest(), wait_for_ready=True, timeout=10)

    assert [bool(answer) for answer, _ in answers] == [True, True, False]
    assert reply.status == SERVING


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_workers_share_a_port(served: Served, core: Core) -> None:
    """Every worker binds the address itself (D10)."""
    administration = administration_of(await build_core())
    second = GrpcServer(
        core.service(),
        administration,
        readiness=Readiness(),
        entropy=SeededEntropy(),
        sources=SourceAddresses(),
    )

    port = await second.start(served.target)
    await second.drain(timedelta())

    assert served.target.endswith(f":{port}")
