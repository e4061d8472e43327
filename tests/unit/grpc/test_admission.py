"""How many calls are taken on at once, over a real channel: LIM-004 and LIM-005."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from adapters.grpc.admission import Admission
from adapters.grpc.calls import MAX_STREAMS
from adapters.grpc.server import MAX_METADATA_BYTES, GrpcServer
from adapters.readiness import Readiness
from adapters.source_addresses import SourceAddresses
from domain.model.scopes import Scope
from domain.model.tokens import IssuedToken
from grantd.v1.token_service_pb2 import IssueTokenRequest
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.core import build_core
from support.doubles import SeededEntropy
from support.grpc_calls import refused
from support.grpc_service import Served, administration_of, service_of

REQUEST = IssueTokenRequest(client_id="ledger")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Desk:
    """A use case that works on each request until it is told to finish."""

    def __init__(self) -> None:
        self.taken = asyncio.Semaphore(0)
        self.finish = asyncio.Event()

    async def __call__(self, _request: object) -> IssuedToken:
        self.taken.release()
        await self.finish.wait()
        return IssuedToken(access_token="t", expires_in=timedelta(1), scope=Scope())


@asynccontextmanager
async def bounded(
    desk: Desk, *, max_calls: int, message_wait: float = 10.0
) -> AsyncIterator[Served]:
    administration = administration_of(await build_core())
    readiness = Readiness()
    server = GrpcServer(
        service_of(desk),
        administration,
        readiness=readiness,
        entropy=SeededEntropy(),
        sources=SourceAddresses(),
        max_calls=max_calls,
        message_wait=message_wait,
    )
    target = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    try:
        async with grpc.aio.insecure_channel(target) as channel:
            yield Served(server, target, channel, TokenServiceStub(channel), readiness)
    finally:
        await server.drain(timedelta())


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return an HTTP/2 frame (RFC 9113 §4.1)."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def half_sent_call(stream: int, authority: bytes) -> bytes:
    """Return the headers of a call and the first byte of a message of a hundred."""
    fields = (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/grantd.v1.TokenService/IssueToken"),
        (b":authority", authority),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    )
    # Literals without indexing (RFC 7541 §6.2.2); every length here takes one byte.
    block = b"".join(
        b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields
    )
    return frame(1, 4, stream, block) + frame(0, 0, stream, b"\0\0\0\0\x64x")


class TestAdmission:
    def test_is_full_at_its_limit_and_no_longer_once_one_leaves(self) -> None:
        """A call that fails leaves like any other."""
        admission = Admission(1)

        with suppress(ZeroDivisionError), admission:
            full_within = admission.is_full
            raise ZeroDivisionError

        assert full_within
        assert not admission.is_full


async def test_LIM_005_a_call_beyond_the_bound_is_told_when_to_return() -> None:
    """The ones before it are served, and then there is room again."""
    desk = Desk()
    async with bounded(desk, max_calls=2) as served:
        admitted = [served.tokens.IssueToken(REQUEST) for _ in range(2)]
        await asyncio.gather(*(desk.taken.acquire() for _ in admitted))

        beyond = await refused(served.tokens.IssueToken(REQUEST))
        desk.finish.set()
        answers = [await call for call in admitted]
        later = await served.tokens.IssueToken(REQUEST)

    assert beyond.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert beyond.reason == "TEMPORARILY_UNAVAILABLE"
    assert beyond.retry_after == 1
    assert [answer.access_token for answer in (*answers, later)] == ["t"] * 3


async def test_LIM_005_a_busy_server_is_healthy() -> None:
    """Who watches it would otherwise end it for being busy."""
    desk = Desk()
    async with bounded(desk, max_calls=1) as served:
        call = served.tokens.IssueToken(REQUEST)
        await desk.taken.acquire()

        health = await HealthStub(served.channel).Check(HealthCheckRequest())
        desk.finish.set()
        await call

    assert health.status == HealthCheckResponse.SERVING


async def test_LIM_004_half_sent_messages_take_no_place() -> None:
    """Four of them would fill grpc's own bound of four for good."""
    desk = Desk()
    desk.finish.set()
    async with bounded(desk, max_calls=4) as served:
        host, _, port = served.target.partition(":")
        _reader, writer = await asyncio.open_connection(host, int(port))
        halves = [half_sent_call(stream, served.target.encode()) for stream in range(1, 17, 2)]
        writer.write(PREFACE + frame(4, 0, 0) + b"".join(halves))
        await writer.drain()
        await asyncio.sleep(0.1)

        answer = await served.tokens.IssueToken(REQUEST, timeout=5)
        writer.close()

    assert answer.access_token == "t"


@pytest.mark.parametrize(
    "method", ["/grantd.v1.TokenService/IssueToken", "/grpc.health.v1.Health/Watch"]
)
async def test_LIM_004_a_message_that_does_not_come_is_given_up(method: str) -> None:
    """Whether the method answers once or with a stream; others do not notice."""
    desk = Desk()
    desk.finish.set()

    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    async with bounded(desk, max_calls=4, message_wait=0.3) as served:
        silent = served.channel.stream_stream(method)
        began = asyncio.get_running_loop().time()
        calls = [silent(nothing()) for _ in range(5)]
        answer = await served.tokens.IssueToken(REQUEST, timeout=5)
        codes = [await asyncio.wait_for(call.code(), 5) for call in calls]
        took = asyncio.get_running_loop().time() - began
        again = await asyncio.wait_for(silent(nothing()).code(), 5)

    assert answer.access_token == "t"
    assert {*codes, again} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    assert took >= 0.3


async def test_a_call_without_any_message_is_refused() -> None:
    """As gRPC has it for a wrong number of messages; one that was cancelled harms nobody."""
    desk = Desk()
    desk.finish.set()

    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    async def late() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    async with bounded(desk, max_calls=4) as served:
        empty = served.channel.stream_unary("/grantd.v1.TokenService/IssueToken")
        code = await asyncio.wait_for(empty(nothing()).code(), 5)
        abandoned = empty(late())
        await asyncio.sleep(0.1)
        abandoned.cancel()
        answer = await served.tokens.IssueToken(REQUEST, timeout=5)

    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert answer.access_token == "t"


async def test_LIM_005_open_streams_are_bounded_beside_calls() -> None:
    """Whoever watches health for ever keeps no call out."""
    desk = Desk()
    desk.finish.set()
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(bounded(desk, max_calls=1))
        stubs = await _health_stubs(stack, served.target, connections=MAX_STREAMS // 50)
        watches = [stub.Watch(HealthCheckRequest()) for stub in stubs for _ in range(50)]
        for watch in watches:
            assert (await watch.read()).status == HealthCheckResponse.SERVING

        beyond = await refused(HealthStub(served.channel).Watch(HealthCheckRequest()).read())
        answer = await served.tokens.IssueToken(REQUEST)
        for watch in watches:
            watch.cancel()

    assert beyond.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert answer.access_token == "t"


async def _health_stubs(
    stack: AsyncExitStack, target: str, *, connections: int
) -> Sequence[HealthStub]:
    own = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(target, options=own) for _ in range(connections)]
    return [HealthStub(await stack.enter_async_context(channel)) for channel in channels]


async def test_metadata_beyond_32_kib_is_refused(served: Served) -> None:
    """RESOURCE_EXHAUSTED comes from gRPC itself, and the connection lives on."""
    large = (("x-large", "x" * MAX_METADATA_BYTES),)

    reply = await refused(served.tokens.IssueToken(REQUEST, metadata=large))
    next_one = await refused(served.tokens.IssueToken(IssueTokenRequest(client_id="nobody")))

    assert reply.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert next_one.code is grpc.StatusCode.UNAUTHENTICATED


async def test_one_connection_has_a_hundred_streams_and_no_more(served: Served) -> None:
    """The server says so in its settings (RFC 9113 §6.5.2)."""
    host, _, port = served.target.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(PREFACE + frame(4, 0, 0))

    header = await reader.readexactly(9)
    payload = await reader.readexactly(int.from_bytes(header[:3]))
    writer.close()

    entries = [payload[at : at + 6] for at in range(0, len(payload), 6)]
    settings = {int.from_bytes(entry[:2]): int.from_bytes(entry[2:]) for entry in entries}
    assert settings[3] == 100  # SETTINGS_MAX_CONCURRENT_STREAMS
    assert settings[6] == MAX_METADATA_BYTES  # SETTINGS_MAX_HEADER_LIST_SIZE


async def test_a_client_that_pings_without_end_is_sent_away(served: Served) -> None:
    """GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 §7)."""
    host, _, port = served.target.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(PREFACE + frame(4, 0, 0) + frame(6, 0, 0, b"01234567") * 10)

    received = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert b"too_many_pings" in received


async def test_work_is_carried_through_when_its_caller_leaves() -> None:
    """It counts until its end; what it raises then is nobody's."""
    admission = Admission(1)
    finish, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await finish.wait()
        ended.set()
        raise ZeroDivisionError

    caller = asyncio.create_task(admission.carry_through(work()))
    await asyncio.sleep(0)
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    full_meanwhile = admission.is_full
    finish.set()
    await admission.settle(timedelta(seconds=5))
    await asyncio.sleep(0)

    assert caller.cancelled()
    assert full_meanwhile
    assert ended.is_set()
    assert not admission.is_full


async def test_what_work_returns_or_raises_reaches_its_caller() -> None:
    """As if it had been awaited."""
    admission = Admission(1)

    async def good() -> int:
        return 7

    async def bad() -> None:
        raise ZeroDivisionError

    assert await admission.carry_through(good()) == 7
    with pytest.raises(ZeroDivisionError):
        await admission.carry_through(bad())
    assert not admission.is_full


async def test_work_that_takes_longer_than_is_waited_for_is_cancelled() -> None:
    """Its caller hears of that, if it is still there."""
    admission = Admission(1)
    caller = asyncio.create_task(admission.carry_through(asyncio.Event().wait()))
    await asyncio.sleep(0)

    await admission.settle(timedelta())

    with pytest.raises(asyncio.CancelledError):
        await caller
