"""The rows GRP of the conformance matrix: the gRPC surface, asked by a stock grpcio client."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
import redis
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IssueTokenRequest,
    IssueTokenResponse,
    RevokeTokenRequest,
    RevokeTokenResponse,
)
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support import raw_http2
from support.edges import NO_PROXY
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import Metadata, Refused, basic, refused
from support.oauth_replies import granted, introspected
from support.polling import wait_until
from support.redis_server import RedisServer

READ, WRITE = "orders.read", "orders.write"
ORDERS = "https://orders.example"
ASK = "client_credentials"
SECRET = "a secret that nobody has"
BOTH_GRANTS = ("--grant", "client_credentials", "--grant", "refresh_token")
SERVICE = "grantd.v1.TokenService"
DEADLINE_EXCEEDED = b"grpc-status\x014"  # as it stands in the trailers

# grpcio has no stubs for these generated methods.
Call = Callable[[TokenServiceStub, Metadata], Awaitable[Any]]

METHODS: Mapping[str, Call] = {
    "IssueToken": lambda service, caller: service.IssueToken(
        IssueTokenRequest(grant_type=ASK), metadata=caller
    ),
    "IntrospectToken": lambda service, caller: service.IntrospectToken(
        IntrospectTokenRequest(token="unknown"), metadata=caller
    ),
    "RevokeToken": lambda service, caller: service.RevokeToken(
        RevokeTokenRequest(token="unknown"), metadata=caller
    ),
}

FormsOfTokens = pytest.mark.parametrize("form", ["jwt", "opaque"])
EachMethod = pytest.mark.parametrize("method", METHODS)


@dataclass(frozen=True, slots=True)
class World:
    """A server that speaks both protocols, and its clients.

    Attributes:
        clients: `jwt` and `opaque` get tokens of that form, and refresh
            tokens; `plain` may use client credentials alone; `other` is like
            `plain`; `orders` serves the tokens of all of them.
    """

    server: GrantdProcess
    clients: Mapping[str, RegisteredClient]

    def metadata(self, name: str) -> Metadata:
        return basic(self.clients[name].client_id, self.clients[name].secret)


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store, grpc=True)
    server.require("resources", "create", ORDERS)
    for scope in (READ, WRITE):
        server.require("scopes", "create", scope, "--resource", ORDERS)
    asks = ("--scope", f"{READ} {WRITE}", "--default-scope", READ, "--owner", "alice")
    flags: dict[str, Sequence[str]] = {
        "jwt": (*asks, *BOTH_GRANTS, "--issue-refresh-token"),
        "opaque": (*asks, *BOTH_GRANTS, "--issue-refresh-token", "--token-format", "opaque"),
        "plain": asks,
        "other": asks,
        "orders": ("--serves", ORDERS),
    }
    made = server.create_clients(flags)
    return World(server, {client.client_id: client for client in made})


@asynccontextmanager
async def channel_to(server: GrantdProcess) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.grpc_target, options=NO_PROXY) as channel:
        yield channel


@asynccontextmanager
async def service_of(server: GrantdProcess) -> AsyncIterator[TokenServiceStub]:
    async with channel_to(server) as channel:
        yield TokenServiceStub(channel)


@pytest.fixture
async def service(world: World) -> AsyncIterator[TokenServiceStub]:
    async with service_of(world.server) as stub:
        yield stub


def require_refusal(told: Refused, code: grpc.StatusCode, reason: str) -> None:
    """Demand that a refusal is this one, with its reason in ErrorInfo."""
    assert (told.code, told.reason, told.domain) == (code, reason, "grantd")
    assert told.message
    assert "Traceback" not in told.message


async def issue(service: TokenServiceStub, caller: Metadata, **fields: Any) -> IssueTokenResponse:  # noqa: ANN401  (fields of any type)
    issued: IssueTokenResponse = await service.IssueToken(
        IssueTokenRequest(grant_type=ASK, **fields), metadata=caller
    )
    return issued


async def is_active(service: TokenServiceStub, caller: Metadata, token: str) -> bool:
    told = await service.IntrospectToken(IntrospectTokenRequest(token=token), metadata=caller)
    assert told.active or told.ByteSize() == 0
    return bool(told.active)


async def revoke(service: TokenServiceStub, caller: Metadata, token: str) -> None:
    told = await service.RevokeToken(RevokeTokenRequest(token=token), metadata=caller)
    assert told == RevokeTokenResponse()


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def test_GRP_001_a_token_is_issued(world: World, service: TokenServiceStub) -> None:
    """By call metadata or by the fields of the message."""
    client = world.clients["plain"]
    for issued in (
        await issue(service, world.metadata("plain"), scopes=[WRITE, READ]),
        await issue(service, (), scopes=[READ, WRITE], **client.body),
    ):
        assert claims_of(issued.access_token)["client_id"] == "plain"
        assert issued.token_type == "Bearer"
        assert issued.expires_in.ToTimedelta().total_seconds() == 3_600
        assert list(issued.scopes) == [READ, WRITE]
        assert not issued.refresh_token


@EachMethod
async def test_GRP_002_every_method_demands_credentials(
    world: World, service: TokenServiceStub, method: str
) -> None:
    """None, a wrong secret, or another scheme."""
    for caller in ((), basic("plain", SECRET), (("authorization", "Bearer junk"),)):
        told = await refused(METHODS[method](service, caller))
        require_refusal(told, grpc.StatusCode.UNAUTHENTICATED, "INVALID_CLIENT")
    await METHODS[method](service, world.metadata("plain"))


@EachMethod
async def test_GRP_003_an_unknown_client_and_a_wrong_secret_look_alike(
    world: World, service: TokenServiceStub, method: str
) -> None:
    """In code, message, reason and hint; and what was sent is nowhere in the status."""
    unknown = await refused(METHODS[method](service, basic("nobody", SECRET)))
    wrong = await refused(METHODS[method](service, basic("other", SECRET)))
    require_refusal(wrong, grpc.StatusCode.UNAUTHENTICATED, "INVALID_CLIENT")
    assert (wrong.code, wrong.message, wrong.reason, wrong.domain, wrong.hint) == (
        *(unknown.code, unknown.message, unknown.reason, unknown.domain, unknown.hint),
    )
    for told in (unknown, wrong):
        assert SECRET.encode() not in told.everything


@pytest.mark.parametrize(
    ("grant_type", "reason"),
    [
        ("", "INVALID_REQUEST"),
        ("password", "UNSUPPORTED_GRANT_TYPE"),
        ("Client_Credentials", "UNSUPPORTED_GRANT_TYPE"),
        ("client_credentials ", "UNSUPPORTED_GRANT_TYPE"),
    ],
)
async def test_GRP_004_the_grant_type_has_to_be_known(
    world: World, service: TokenServiceStub, grant_type: str, reason: str
) -> None:
    """Left out is not the same as unknown."""
    call = service.IssueToken(
        IssueTokenRequest(grant_type=grant_type), metadata=world.metadata("plain")
    )
    require_refusal(await refused(call), grpc.StatusCode.INVALID_ARGUMENT, reason)


async def test_GRP_005_a_client_without_the_grant_is_denied(
    world: World, service: TokenServiceStub
) -> None:
    """Who it is, is known: PERMISSION_DENIED, not UNAUTHENTICATED."""
    call = service.IssueToken(
        IssueTokenRequest(grant_type="refresh_token", refresh_token="unknown"),
        metadata=world.metadata("plain"),
    )
    told = await refused(call)
    require_refusal(told, grpc.StatusCode.PERMISSION_DENIED, "UNAUTHORIZED_CLIENT")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"scopes": ["orders.delete"]}, "INVALID_SCOPE"),
        ({"scopes": [READ, "orders.delete"]}, "INVALID_SCOPE"),
        ({"scopes": [f"{READ} {WRITE}"]}, "INVALID_SCOPE"),
        ({"scopes": [""]}, "INVALID_SCOPE"),
        ({"resources": ["orders"]}, "INVALID_TARGET"),
        ({"resources": [f"{ORDERS}#top"]}, "INVALID_TARGET"),
        ({"resources": ["https://nowhere.example"]}, "INVALID_TARGET"),
        ({"resources": [ORDERS, "orders"]}, "INVALID_TARGET"),
    ],
)
async def test_GRP_006_scope_and_resource_are_refused_as_over_http(
    world: World, service: TokenServiceStub, fields: dict[str, list[str]], reason: str
) -> None:
    """RFC 6749 §3.3 and RFC 8707 §2; the next request is answered."""
    told = await refused(issue(service, world.metadata("plain"), **fields))
    require_refusal(told, grpc.StatusCode.INVALID_ARGUMENT, reason)
    issued = await issue(service, world.metadata("plain"), scopes=[READ], resources=[ORDERS])
    assert claims_of(issued.access_token)["aud"] == ORDERS


@pytest.mark.parametrize("token", ["unknown", "e30.e30.e30", "a" * 3_000, "t\u00f6k\u00e9n"])
async def test_GRP_007_what_is_no_token_is_inactive_and_revoked_already(
    world: World, service: TokenServiceStub, token: str
) -> None:
    """RFC 7662 §2.2 and RFC 7009 §2.2: an answer, not an error, and no other field."""
    for name in ("plain", "orders"):
        assert not await is_active(service, world.metadata(name), token)
        await revoke(service, world.metadata(name), token)


async def test_GRP_007_a_token_has_to_be_named(world: World, service: TokenServiceStub) -> None:
    """An empty field counts as one left out."""
    caller = world.metadata("plain")
    for call in (
        service.IntrospectToken(IntrospectTokenRequest(), metadata=caller),
        service.IntrospectToken(IntrospectTokenRequest(token=""), metadata=caller),
        service.RevokeToken(RevokeTokenRequest(), metadata=caller),
        service.RevokeToken(RevokeTokenRequest(token_type_hint="access_token"), metadata=caller),
    ):
        told = await refused(call)
        require_refusal(told, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


@FormsOfTokens
async def test_GRP_008_what_http_issues_grpc_knows_and_ends(
    world: World, service: TokenServiceStub, form: str
) -> None:
    """One state, seen at once."""
    caller, client = world.metadata(form), world.clients[form]
    issued = granted(world.server.issue(client))
    assert await is_active(service, world.metadata("orders"), issued["access_token"])
    await revoke(service, caller, issued["access_token"])
    assert not await is_active(service, world.metadata("orders"), issued["access_token"])
    reply = world.server.introspect(world.clients["orders"], issued["access_token"])
    assert introspected(reply) == {"active": False}

    assert await is_active(service, caller, issued["refresh_token"])
    await revoke(service, caller, issued["refresh_token"])
    reply = world.server.refresh(client, issued["refresh_token"])
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


@FormsOfTokens
async def test_GRP_008_what_grpc_issues_http_knows_and_ends(
    world: World, service: TokenServiceStub, form: str
) -> None:
    """The same the other way about."""
    caller, client = world.metadata(form), world.clients[form]
    issued = await issue(service, caller)
    reply = world.server.introspect(world.clients["orders"], issued.access_token)
    assert introspected(reply)["active"] is True
    assert world.server.revoke(client, issued.access_token).status_code == 200
    assert not await is_active(service, world.metadata("orders"), issued.access_token)

    assert world.server.revoke(client, issued.refresh_token).status_code == 200
    call = service.IssueToken(
        IssueTokenRequest(grant_type="refresh_token", refresh_token=issued.refresh_token),
        metadata=caller,
    )
    told = await refused(call)
    require_refusal(told, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_GRANT")


@FormsOfTokens
async def test_GRP_009_a_stranger_ends_nothing(
    world: World, service: TokenServiceStub, form: str
) -> None:
    """RFC 7009 §2.1: it is told OK, as for a token that is none."""
    issued = await issue(service, world.metadata(form))
    for stranger in ("other", "orders"):
        await revoke(service, world.metadata(stranger), issued.access_token)
        await revoke(service, world.metadata(stranger), issued.refresh_token)
    assert await is_active(service, world.metadata("orders"), issued.access_token)
    assert await is_active(service, world.metadata(form), issued.refresh_token)


@EachMethod
@pytest.mark.parametrize("body", [b"\x0a\xff", b"\xff" * 16, b"\x0a\x02\xff\xfe", b"\x00"])
async def test_GRP_010_a_broken_message_is_refused(world: World, method: str, body: bytes) -> None:
    """It is ours to answer, and tells nothing of what could not read it."""
    async with channel_to(world.server) as channel:
        raw = channel.unary_unary(f"/{SERVICE}/{method}")
        told = await refused(raw(body, metadata=world.metadata("plain")))
    assert told.code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL}
    assert told.reason == "INVALID_REQUEST"
    assert told.hint == "the message cannot be parsed"
    for word in (b"DecodeError", b"xception", b"Traceback", b"wire"):
        assert word not in told.everything


@EachMethod
async def test_GRP_010_unknown_fields_are_ignored(world: World, method: str) -> None:
    """A client may be newer than the server."""
    messages = {
        "IssueToken": IssueTokenRequest(grant_type=ASK),
        "IntrospectToken": IntrospectTokenRequest(token="unknown"),
        "RevokeToken": RevokeTokenRequest(token="unknown"),
    }
    unknown = b"\xc2\x3e\x04more\xc8\x3e\x01"  # field 1000, a string; field 1001, a number
    async with channel_to(world.server) as channel:
        raw = channel.unary_unary(f"/{SERVICE}/{method}")
        body = messages[method].SerializeToString() + unknown
        reply = await raw(body, metadata=world.metadata("plain"))
    if method == "IssueToken":
        assert IssueTokenResponse.FromString(reply).access_token
    else:
        assert reply == b""


@EachMethod
@pytest.mark.parametrize("size", [64 * 1024 + 1, 8 * 1024 * 1024])
async def test_GRP_011_a_large_message_is_refused(world: World, method: str, size: int) -> None:
    """The limit is 64 KiB; below it, and after it, messages are read."""
    async with channel_to(world.server) as channel:
        raw = channel.unary_unary(f"/{SERVICE}/{method}")
        told = await refused(raw(b"\x0a" * size, metadata=world.metadata("plain")))
        assert told.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        service = TokenServiceStub(channel)
        caller = world.metadata("plain")
        assert not await is_active(service, caller, "a" * 60_000)
        assert (await issue(service, caller)).access_token


def stored(server: GrantdProcess) -> int:
    """Count what a server has stored: keys of Redis, or rows of SQLite."""
    if server.store.startswith("redis"):
        with closing(redis.Redis.from_url(server.store)) as connection:
            return int(connection.dbsize())
    with closing(sqlite3.connect(server.folder / "grantd.db")) as connection:
        tables = [name for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )]  # fmt: skip
        return sum(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  (its own names)
            for table in tables
        )


async def test_GRP_012_a_call_past_its_deadline_issues_nothing(
    world: World, service: TokenServiceStub
) -> None:
    """Nobody would read the answer: no token and no family is stored.

    A stock client does not even send it, so it is written by hand as well; a
    deadline that is kept shows that it is written well.
    """
    caller = world.metadata("opaque")
    request = IssueTokenRequest(grant_type=ASK)
    path, body = f"/{SERVICE}/IssueToken", request.SerializeToString()
    in_time = raw_http2.call(world.server.grpc_port, path, body, (*caller, ("grpc-timeout", "20S")))
    assert b"grpc-status\x010" in in_time

    before = stored(world.server)
    told = await refused(service.IssueToken(request, metadata=caller, timeout=0))
    assert told.code is grpc.StatusCode.DEADLINE_EXCEEDED
    for expired in ("0n", "0m", "0S") * 5:
        sent = (*caller, ("grpc-timeout", expired))
        assert DEADLINE_EXCEEDED in raw_http2.call(world.server.grpc_port, path, body, sent)
    assert stored(world.server) == before


@pytest.mark.parametrize(
    "method",
    [
        *(f"/{SERVICE}/Issue", f"/{SERVICE}/issueToken", "/grantd.v2.TokenService/IssueToken"),
        *("/grpc.health.v1.Health/List", f"/{SERVICE}/", "/nothing"),
    ],
)
async def test_GRP_012_a_method_that_is_not_there_is_unimplemented(
    world: World, method: str
) -> None:
    """Whoever calls it."""
    async with channel_to(world.server) as channel:
        told = await refused(channel.unary_unary(method)(b"", metadata=world.metadata("plain")))
    assert told.code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("name", ["", SERVICE])
async def test_GRP_012_the_service_tells_that_it_serves(world: World, name: str) -> None:
    """By grpc.health.v1, to anybody."""
    async with channel_to(world.server) as channel:
        told = await HealthStub(channel).Check(HealthCheckRequest(service=name))
    assert told.status == HealthCheckResponse.SERVING


@FormsOfTokens
async def test_GRP_013_concurrent_calls_get_tokens_of_their_own(
    world: World, service: TokenServiceStub, form: str
) -> None:
    """24 at once, each good."""
    caller = world.metadata(form)
    issued = await asyncio.gather(*(issue(service, caller) for _ in range(24)))
    assert len({one.access_token for one in issued}) == 24
    assert len({one.refresh_token for one in issued}) == 24
    for one in issued:
        assert await is_active(service, world.metadata("orders"), one.access_token)


async def test_GRP_013_the_claims_are_those_of_a_token_by_http(
    world: World, service: TokenServiceStub
) -> None:
    """The same names, and but for times and identifiers the same values."""
    over_http = granted(world.server.issue(world.clients["plain"], scope=f"{READ} {WRITE}"))
    over_grpc = await issue(service, world.metadata("plain"), scopes=[READ, WRITE])
    claims, others = claims_of(over_http["access_token"]), claims_of(over_grpc.access_token)
    assert set(claims) == set(others)
    own = {"jti", "iat", "exp"}
    assert {name: claims[name] for name in set(claims) - own} == {
        name: others[name] for name in set(claims) - own
    }
    assert claims["jti"] != others["jti"]
    assert claims["exp"] - claims["iat"] == others["exp"] - others["iat"]


async def test_GRP_014_who_fails_too_often_is_told_to_wait(
    store: str, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """RESOURCE_EXHAUSTED with ErrorInfo and RetryInfo, whatever is sent next, on any method."""
    server = prepare_grantd(store, {"failures_per_client_and_source": "3/1m"}, grpc=True).start()
    client, other = (server.create_client(name) for name in ("one", "other"))
    right = basic(client.client_id, client.secret)
    async with service_of(server) as service:
        for _ in range(3):
            told = await refused(issue(service, basic("one", SECRET)))
            require_refusal(told, grpc.StatusCode.UNAUTHENTICATED, "INVALID_CLIENT")
        for call in METHODS.values():
            for caller in (basic("one", SECRET), right):
                told = await refused(call(service, caller))
                require_refusal(told, grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_REQUESTS")
                assert told.retry_after is not None
                assert 0 < told.retry_after <= 60
        assert (await issue(service, basic(other.client_id, other.secret))).access_token
    reply = server.issue(client)
    assert reply.status_code == 429
    assert 0 < int(reply.headers["Retry-After"]) <= 60


async def until_answered(ask: Callable[[], Awaitable[object]]) -> None:
    """Ask again until it is no refusal: each worker finds the store again by itself."""
    async with asyncio.timeout(10):
        while True:
            with suppress(grpc.aio.AioRpcError):
                await ask()
                return
            await asyncio.sleep(0.05)


def require_outage(told: Refused) -> None:
    require_refusal(told, grpc.StatusCode.UNAVAILABLE, "TEMPORARILY_UNAVAILABLE")
    assert told.retry_after is not None
    assert told.retry_after > 0


@pytest.mark.parametrize("store", ["redis"])
async def test_GRP_015_without_redis_nobody_is_judged(
    store: str,
    tmp_path_factory: pytest.TempPathFactory,
    prepare_grantd: Callable[..., GrantdProcess],
) -> None:
    """UNAVAILABLE with RetryInfo to all, never UNAUTHENTICATED; and all is well afterwards."""
    redis_server = RedisServer.start(tmp_path_factory.mktemp("redis"))
    try:
        server = prepare_grantd(redis_server.url, grpc=True).start()
        client = server.create_client("one")
        right = basic(client.client_id, client.secret)
        async with service_of(server) as service:
            token = (await issue(service, right)).access_token
            redis_server.stop()
            for call in METHODS.values():
                for caller in (right, basic("one", SECRET), basic("nobody", SECRET)):
                    require_outage(await refused(call(service, caller)))
            redis_server.restart()
            wait_until(lambda: server.issue(client).status_code == 200)
            await until_answered(lambda: is_active(service, right, token))
            assert await is_active(service, right, token)
        server.stop()
    finally:
        redis_server.stop()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Be the person at the file who holds its write lock."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize("store", ["sqlite"])
async def test_GRP_015_while_sqlite_cannot_write_nothing_is_acknowledged(
    store: str, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """UNAVAILABLE with RetryInfo for what has to be stored; a JWT is issued all the same (D1)."""
    server = prepare_grantd(store, grpc=True).start()
    opaque = server.create_client("opaque", "--token-format", "opaque")
    plain = server.create_client("plain")
    async with service_of(server) as service:
        caller, known = (basic(one.client_id, one.secret) for one in (opaque, plain))
        token = (await issue(service, caller)).access_token
        assert (await issue(service, known)).access_token
        with locked(server.folder / "grantd.db"):
            require_outage(await refused(issue(service, caller)))
            request = RevokeTokenRequest(token=token)
            require_outage(await refused(service.RevokeToken(request, metadata=caller)))
            assert (await issue(service, known)).access_token
        assert await is_active(service, caller, token)
        await revoke(service, caller, token)
        assert not await is_active(service, caller, token)


@EachMethod
async def test_GRP_016_credentials_in_two_places_are_refused(
    world: World, service: TokenServiceStub, method: str
) -> None:
    """Both right, and of one client: two methods all the same (RFC 6749 §2.3)."""
    own = world.clients["plain"].body
    messages = {
        "IssueToken": IssueTokenRequest(grant_type=ASK, **own),
        "IntrospectToken": IntrospectTokenRequest(token="unknown", **own),
        "RevokeToken": RevokeTokenRequest(token="unknown", **own),
    }
    call = getattr(service, method)
    told = await refused(call(messages[method], metadata=world.metadata("plain")))
    require_refusal(told, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    twice = (*world.metadata("plain"), *world.metadata("plain"))
    told = await refused(METHODS[method](service, twice))
    require_refusal(told, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_GRP_016_another_client_in_the_message_is_refused(
    world: World, service: TokenServiceStub
) -> None:
    """The caller may repeat its name there, but not contradict it."""
    caller = world.metadata("plain")
    assert (await issue(service, caller, client_id="plain")).access_token
    told = await refused(issue(service, caller, client_id="other"))
    require_refusal(told, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
