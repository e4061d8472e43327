"""The rows GRP of the conformance tables, over a socket, with a stock client."""

import asyncio

import grpc
import pytest
from google.protobuf import descriptor_pool

from adapters.grpc.methods import CALLERS, Callers, is_offered
from domain.model.events import EventKind
from domain.model.introspection import INACTIVE, ActiveAccessToken
from domain.usecases.introspect_token import IntrospectionRequest
from domain.usecases.issue_token import TokenRequest
from domain.usecases.revoke_token import RevocationRequest
from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IntrospectTokenResponse,
    IssueTokenRequest,
    RevokeTokenRequest,
    RevokeTokenResponse,
)
from support.domain_samples import INVOICES, ISSUER, NOW
from support.grpc_calls import Metadata, basic, refused
from support.grpc_service import Core, Served, service_of, serving

CLIENT_CREDENTIALS = IssueTokenRequest(grant_type="client_credentials")
REQUESTS = {
    "IssueToken": CLIENT_CREDENTIALS,
    "IntrospectToken": IntrospectTokenRequest(token="x"),
    "RevokeToken": RevokeTokenRequest(token="x"),
}


async def test_GRP_001_client_credentials_get_an_access_token(
    served: Served, ledger: Metadata
) -> None:
    """The members of RFC 6749 §5.1, in the shapes of protobuf."""
    reply = await served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=ledger)

    assert reply.access_token
    assert reply.token_type == "Bearer"
    assert reply.expires_in.seconds == 3600
    assert list(reply.scopes) == ["invoices.read"]
    assert reply.refresh_token == ""


async def test_credentials_may_stand_in_the_fields(served: Served, core: Core) -> None:
    """Every request has room for them."""
    request = IssueTokenRequest(
        grant_type="client_credentials", client_id="ledger", client_secret=core.secrets["ledger"]
    )

    assert (await served.tokens.IssueToken(request)).access_token


async def test_a_refresh_token_is_rotated_and_its_replay_refused(
    served: Served, core: Core
) -> None:
    """RFC 6749 §6 and RFC 9700 §4.14.2, over this edge."""
    refresher = core.basic("refresher")
    first = await served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=refresher)
    redeem = IssueTokenRequest(grant_type="refresh_token", refresh_token=first.refresh_token)

    second = await served.tokens.IssueToken(redeem, metadata=refresher)
    replay = await refused(served.tokens.IssueToken(redeem, metadata=refresher))

    assert second.refresh_token not in {"", first.refresh_token}
    assert (replay.code, replay.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_GRANT")
    assert not await served.is_active(second.access_token, refresher)


@pytest.mark.parametrize(
    "method", [name for name, callers in CALLERS.items() if callers is Callers.CLIENTS]
)
async def test_GRP_002_nobody_is_answered_without_credentials(served: Served, method: str) -> None:
    """Whatever the policy table gives to clients asks for one; a wrong secret opens nothing."""
    call = served.channel.unary_unary(method)

    nothing = await refused(call(b""))
    wrong = await refused(call(b"", metadata=basic("ledger", "wrong")))

    for reply in (nothing, wrong):
        assert (reply.code, reply.reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_CLIENT")


async def test_GRP_003_an_unknown_client_reads_like_a_wrong_secret(served: Served) -> None:
    """Nobody learns which clients exist, and no secret comes back."""
    unknown, wrong = [
        await refused(
            served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=basic(client_id, "hunter2"))
        )
        for client_id in ("nobody", "ledger")
    ]

    assert (unknown.code, unknown.message, unknown.reason, unknown.hint) == (
        wrong.code,
        wrong.message,
        wrong.reason,
        wrong.hint,
    )
    assert b"hunter2" not in unknown.everything + wrong.everything


@pytest.mark.parametrize(
    ("grant_type", "reason"),
    [("", "INVALID_REQUEST"), ("password", "UNSUPPORTED_GRANT_TYPE")],
)
async def test_GRP_004_the_grant_has_to_be_named_and_known(
    served: Served, ledger: Metadata, grant_type: str, reason: str
) -> None:
    """RFC 6749 §5.2 tells the two apart."""
    request = IssueTokenRequest(grant_type=grant_type)

    reply = await refused(served.tokens.IssueToken(request, metadata=ledger))

    assert (reply.code, reply.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


async def test_GRP_005_a_grant_of_others_is_not_permitted(
    served: Served, gateway: Metadata
) -> None:
    """The grant is known; this client may not use it."""
    reply = await refused(served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=gateway))

    assert (reply.code, reply.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "UNAUTHORIZED_CLIENT",
    )


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"scopes": ["admin"]}, "INVALID_SCOPE"),
        ({"scopes": [""]}, "INVALID_SCOPE"),
        ({"scopes": ["invoices.read invoices.write"]}, "INVALID_SCOPE"),
        ({"resources": ["no uri"]}, "INVALID_TARGET"),
        ({"resources": ["https://elsewhere.example"]}, "INVALID_TARGET"),
    ],
)
async def test_GRP_006_scope_and_resource_are_judged(
    served: Served, ledger: Metadata, request_: dict[str, list[str]], reason: str
) -> None:
    """An element is one scope: one that is empty or two words is malformed."""
    request = IssueTokenRequest(grant_type="client_credentials", **request_)

    reply = await refused(served.tokens.IssueToken(request, metadata=ledger))

    assert (reply.code, reply.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


async def test_GRP_007_an_unknown_token_is_an_answer(served: Served, gateway: Metadata) -> None:
    """RFC 7662 §2.2 and RFC 7009 §2.2: it is inactive, and revoked well enough."""
    found = await served.tokens.IntrospectToken(REQUESTS["IntrospectToken"], metadata=gateway)
    ended = await served.tokens.RevokeToken(REQUESTS["RevokeToken"], metadata=gateway)

    assert found == IntrospectTokenResponse()
    assert ended == RevokeTokenResponse()


async def test_GRP_007_no_token_is_a_malformed_request(served: Served, gateway: Metadata) -> None:
    """The parameter is required."""
    for call, empty in (
        (served.tokens.IntrospectToken, IntrospectTokenRequest()),
        (served.tokens.RevokeToken, RevokeTokenRequest()),
    ):
        reply = await refused(call(empty, metadata=gateway))

        assert (reply.code, reply.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
        )


async def test_GRP_008_what_the_core_issues_is_introspected_and_revoked_here(
    served: Served, core: Core, ledger: Metadata, gateway: Metadata
) -> None:
    """There is one state behind every edge, and this one sees it at once."""
    issued = await core.issue(
        TokenRequest(credentials=core.presented("ledger"), grant_type="client_credentials")
    )

    assert await served.is_active(issued.access_token, gateway)
    await served.tokens.RevokeToken(RevokeTokenRequest(token=issued.access_token), metadata=ledger)
    asked = IntrospectionRequest(credentials=core.presented("gateway"), token=issued.access_token)
    assert await core.introspect(asked) is INACTIVE


async def test_GRP_008_what_is_issued_here_is_revoked_for_everybody(
    served: Served, core: Core, ledger: Metadata, gateway: Metadata
) -> None:
    """The other way round."""
    issued = await served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=ledger)

    await core.revoke(
        RevocationRequest(credentials=core.presented("ledger"), token=issued.access_token)
    )

    assert not await served.is_active(issued.access_token, gateway)


async def test_GRP_009_a_stranger_ends_nobodys_token(
    served: Served, core: Core, ledger: Metadata, gateway: Metadata
) -> None:
    """RFC 7009 §2.1: it is answered OK, and nothing happens."""
    issued = await served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=ledger)

    await served.tokens.RevokeToken(
        RevokeTokenRequest(token=issued.access_token),
        metadata=core.basic("stranger"),
    )

    assert await served.is_active(issued.access_token, gateway)


def begins_with_a_text(method: str) -> bool:
    """Tell whether field 1 of what a method takes is a string, which has to be in UTF-8."""
    _, service, name = method.split("/")
    described = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    first = described.input_type.fields_by_number.get(1)
    return first is not None and first.type == first.TYPE_STRING


OFFERED = [name for name in CALLERS if is_offered(name)]
BEGINS_WITH_A_TEXT = [name for name in OFFERED if begins_with_a_text(name)]


@pytest.mark.parametrize(
    ("method", "body"),
    [
        *((method, b"\xff\xff\xff") for method in OFFERED),
        *((method, b"\x0a\x05ab") for method in OFFERED),
        *((method, b"\x0a\x01\xff") for method in BEGINS_WITH_A_TEXT),
    ],
)
async def test_GRP_010_a_broken_message_is_a_malformed_request(
    served: Served, ledger: Metadata, method: str, body: bytes
) -> None:
    """It is parsed by us and not by gRPC, whosever method it is, so it gets our refusal."""
    call = served.channel.unary_unary(method)

    reply = await refused(call(body, metadata=ledger))

    assert (reply.code, reply.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_GRP_010_an_unknown_field_is_ignored(served: Served, ledger: Metadata) -> None:
    """A newer client may say more than this server understands."""
    call = served.channel.unary_unary("/grantd.v1.TokenService/IssueToken")
    unknown = b"\xfa\x3f\x03new"

    assert await call(CLIENT_CREDENTIALS.SerializeToString() + unknown, metadata=ledger)


@pytest.mark.parametrize("size", [8 * 1024 * 1024, 64 * 1024 + 1])
async def test_GRP_011_a_message_beyond_64_KiB_is_refused(
    served: Served, ledger: Metadata, size: int
) -> None:
    """The limit is the transport's, before anybody reads the message."""
    call = served.channel.unary_unary("/grantd.v1.TokenService/IssueToken")

    reply = await refused(call(b"\0" * size, metadata=ledger))

    assert reply.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_GRP_012_what_an_expired_deadline_finds_begun_is_carried_through() -> None:
    """A replay ends its family whether or not the thief waits for the answer."""
    released, carried_through = asyncio.Event(), asyncio.Event()

    async def slow(_request: object) -> None:
        await released.wait()
        carried_through.set()

    async with serving(service_of(slow)) as served:
        request = IssueTokenRequest(client_id="ledger")
        reply = await refused(served.tokens.IssueToken(request, timeout=0.2))
        released.set()
        await asyncio.wait_for(carried_through.wait(), 5)

    assert reply.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_GRP_012_a_deadline_in_the_past_issues_nothing(
    served: Served, core: Core, ledger: Metadata
) -> None:
    """Nobody would read the token."""
    reply = await refused(served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=ledger, timeout=-1))
    await served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=ledger)

    assert reply.code is grpc.StatusCode.DEADLINE_EXCEEDED
    issued = [event for event in core.audit.events if event.kind is EventKind.TOKEN_ISSUED]
    assert len(issued) == 1


async def test_GRP_013_concurrent_calls_get_different_tokens(
    served: Served, core: Core, ledger: Metadata
) -> None:
    """And what this edge tells of each is what the core tells of it."""
    replies = await asyncio.gather(
        *(served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=ledger) for _ in range(24))
    )

    assert len({reply.access_token for reply in replies}) == 24
    for reply in replies:
        asked = IntrospectTokenRequest(token=reply.access_token)
        told = await served.tokens.IntrospectToken(asked, metadata=ledger)
        request = IntrospectionRequest(
            credentials=core.presented("ledger"), token=reply.access_token
        )
        found = await core.introspect(request)
        assert isinstance(found, ActiveAccessToken)
        assert told.token_id == found.claims.token_id
        assert (told.issuer, told.subject, told.client_id) == (ISSUER, "ledger", "ledger")
        assert list(told.audiences) == [INVOICES]
        assert told.issue_time.ToSeconds() == int(NOW.timestamp())


async def test_GRP_016_two_methods_at_once_are_refused(
    served: Served, core: Core, ledger: Metadata
) -> None:
    """Though either of them would do."""
    request = IssueTokenRequest(
        grant_type="client_credentials", client_id="ledger", client_secret=core.secrets["ledger"]
    )

    reply = await refused(served.tokens.IssueToken(request, metadata=ledger))

    assert (reply.code, reply.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_every_reply_names_its_request_as_the_audit_trail_does(
    served: Served, core: Core, ledger: Metadata
) -> None:
    """By that id an operator finds what a caller complains about."""
    call = served.tokens.IssueToken(CLIENT_CREDENTIALS, metadata=ledger)
    await call

    origin = core.audit.events[-1].origin
    assert dict(await call.trailing_metadata())["x-request-id"] == origin.request_id
    assert (origin.protocol, origin.address) == ("grpc", "127.0.0.1")
