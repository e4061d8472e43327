"""What every call goes through; the context is a double, for moments no socket can time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any, Never

import grpc
import pytest

from adapters.forwarded_addresses import ProxyHeader
from adapters.grpc.calls import Calls
from adapters.grpc.methods import CALLERS, endpoint_of, is_offered
from adapters.grpc.service_methods import Call, Method
from adapters.request_record import UNOBSERVED, Endpoint, RequestObserver
from adapters.source_addresses import ProxyTrust, SourceAddresses
from domain.errors import InvalidToken
from domain.model.events import Origin
from domain.model.scopes import ScopeToken
from support.doubles import SeededEntropy
from support.grpc_calls import Metadata
from support.request_observers import RememberedRequests

ISSUE = "/grantd.v1.TokenService/IssueToken"
NO_PROXY = ProxyTrust()


class RecordingContext:
    def __init__(
        self,
        *,
        peer: str = "ipv4:127.0.0.1:40000",
        remaining: float | None = None,
    ) -> None:
        self._peer = peer
        self._remaining = remaining
        self.trailing: Metadata = ()
        self.aborted: grpc.StatusCode | None = None

    def peer(self) -> str:
        return self._peer

    async def read(self) -> bytes:
        return b""

    def time_remaining(self) -> float | None:
        return self._remaining

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        self.trailing = metadata

    def code(self) -> grpc.StatusCode | None:
        return self.aborted

    async def abort(self, code: grpc.StatusCode, *_told: object) -> None:
        self.aborted = code
        raise grpc.aio.AbortError


Behaviour = Callable[[bytes, Call], Awaitable[bytes]]


async def let_nobody_in(_token: str | None, *, needs: ScopeToken) -> Never:
    raise InvalidToken(needs)


def handler_of(
    behave: Behaviour,
    path: str = ISSUE,
    *,
    trust: ProxyTrust = NO_PROXY,
    requests: RequestObserver = UNOBSERVED,
    metadata: Metadata = (),
) -> Any:  # noqa: ANN401  (its attributes are grpc's)
    """Return what handles a call whose method does *behave*, or None."""
    method = Method(
        path=path, behave=behave, read=bytes, write=bytes, streamed_in=False, streamed_out=False
    )
    calls = Calls(
        [method],
        SeededEntropy(),
        authorize=let_nobody_in,
        sources=SourceAddresses(trust),
        requests=requests,
    )
    details: Any = SimpleNamespace(method=path, invocation_metadata=metadata)
    return calls.service(details)


async def answered(handler: Any, context: RecordingContext) -> object:  # noqa: ANN401  (likewise)
    """Have a call answered as grpc does it."""
    return await handler.stream_unary(None, context)


@pytest.mark.parametrize(
    "method", ["/grantd.v1.TokenService/MintGold", "/grpc.health.v1.Health/List", "/", ""]
)
async def test_a_method_outside_the_table_has_no_handler(method: str) -> None:
    """It is refused even if somebody registered it."""

    async def behaviour(_body: bytes, _call: Call) -> bytes:
        return b""

    assert handler_of(behaviour, method) is None


async def test_a_call_past_its_deadline_reaches_nobody() -> None:
    """GRP-012: nothing is issued to who has stopped waiting."""
    reached = []

    async def behaviour(_body: bytes, _call: Call) -> bytes:
        reached.append(True)
        return b""

    handler = handler_of(behaviour)
    context = RecordingContext(remaining=0.0)

    with pytest.raises(grpc.aio.AbortError):
        await answered(handler, context)

    assert context.aborted is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not reached


async def test_a_cancelled_call_is_not_answered() -> None:
    """Cancellation is no error of ours: it passes."""

    async def behaviour(_body: bytes, _call: Call) -> Never:
        raise asyncio.CancelledError

    handler = handler_of(behaviour)
    context = RecordingContext()

    with pytest.raises(asyncio.CancelledError):
        await answered(handler, context)

    assert context.aborted is None


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.7:40000", "192.0.2.7"),
        ("ipv6:%5B2001:db8::7%5D:40000", "2001:db8::7"),
        ("ipv6:[::1]:40000", "::1"),
        ("unix:", ""),
        ("unix:/run/grantd:1.sock", ""),
        ("unix-abstract:192.0.2.7:1", ""),
    ],
)
async def test_the_origin_of_a_call_is_known_within_it(peer: str, address: str) -> None:
    """The id in it is the one that goes back to the caller."""
    origins: list[Origin] = []

    async def behaviour(_body: bytes, call: Call) -> bytes:
        origins.append(call.origin)
        return b""

    handler = handler_of(behaviour)
    context = RecordingContext(peer=peer)

    await answered(handler, context)

    (origin,) = origins
    assert origin.protocol == "grpc"
    assert origin.address == address
    assert context.trailing == (("x-request-id", origin.request_id),)


@pytest.mark.parametrize(
    ("peer", "metadata", "address"),
    [
        ("ipv4:10.0.0.1:40000", (("x-forwarded-for", "192.0.2.7"),), "192.0.2.7"),
        (
            "ipv6:%5B::ffff:10.0.0.1%5D:40000",
            (("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "2001:db8::7, 10.0.0.2")),
            "2001:db8::7",
        ),
        ("ipv4:10.0.0.1:40000", (("forwarded", "for=192.0.2.7"),), "10.0.0.1"),
        ("ipv4:10.0.0.1:40000", (), "10.0.0.1"),
        ("ipv4:203.0.113.9:40000", (("x-forwarded-for", "192.0.2.7"),), "203.0.113.9"),
        ("unix:", (("x-forwarded-for", "192.0.2.7"),), ""),
        ("unix:10.0.0.1:1", (("x-forwarded-for", "192.0.2.7"),), ""),
    ],
)
async def test_a_trusted_proxy_tells_the_source_of_a_call(
    peer: str, metadata: Metadata, address: str
) -> None:
    """In its metadata, as over HTTP in its header fields; nobody else is believed."""

    async def behaviour(_body: bytes, call: Call) -> bytes:
        return call.origin.address.encode()

    trust = ProxyTrust((ip_network("10.0.0.0/8"),), ProxyHeader.X_FORWARDED_FOR)
    handler = handler_of(behaviour, trust=trust, metadata=metadata)

    assert await answered(handler, RecordingContext(peer=peer)) == address.encode()


@pytest.mark.parametrize(
    ("failure", "outcome", "status"),
    [
        (None, "ok", "OK"),
        (RuntimeError("x"), "server_error", "INTERNAL"),
        (InvalidToken("x"), "invalid_token", "UNAUTHENTICATED"),
        (asyncio.CancelledError(), "cancelled", "CANCELLED"),
    ],
)
async def test_a_call_ends_in_one_record(
    failure: BaseException | None, outcome: str, status: str
) -> None:
    """With the id that its trailers have."""
    requests = RememberedRequests()
    context = RecordingContext()

    async def behaviour(_body: bytes, _call: Call) -> bytes:
        if failure is not None:
            raise failure
        return b""

    handler = handler_of(behaviour, requests=requests)
    with suppress(grpc.aio.AbortError, asyncio.CancelledError):
        await answered(handler, context)

    (record,) = requests.ended_so_far
    assert (record.outcome, record.status, record.endpoint) == (outcome, status, "token")
    assert dict(context.trailing)["x-request-id"] == record.request_id
    assert requests.under_way == 0


async def test_a_method_that_is_not_offered_is_turned_away() -> None:
    """What was asked for is not kept."""
    requests = RememberedRequests()

    async def behaviour(_body: bytes, _call: Call) -> bytes:
        return b""

    handler_of(behaviour, "/secret.in/Path", requests=requests)

    (record,) = requests.turned_away_so_far
    assert (record.status, record.method) == ("UNIMPLEMENTED", "")


def test_every_method_that_is_offered_has_a_name_among_the_endpoints() -> None:
    for method in filter(is_offered, CALLERS):
        assert endpoint_of(method) is not Endpoint.UNKNOWN
