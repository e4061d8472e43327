"""Who may administer, asked of every method there is."""

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message_factory import GetMessageClass

from adapters.grpc.methods import CALLERS, Callers
from domain.errors import Unavailable
from domain.model.administration import ADMIN_READ, ADMIN_WRITE
from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from support.administration import (
    AUDITOR,
    BYSTANDER,
    OPAQUE,
    OPERATOR,
    WRITER,
    Administered,
    administered,
    bearer,
)
from support.domain_samples import LEDGER
from support.grpc_calls import Metadata, Refused, refused

ADMINISTRATIVE = [method for method in CALLERS if "/grantd.admin." in method]
WRITING = [method for method in ADMINISTRATIVE if CALLERS[method] is Callers.WRITERS]
READING = [method for method in ADMINISTRATIVE if CALLERS[method] is Callers.READERS]

BAD_TOKEN = (grpc.StatusCode.UNAUTHENTICATED, "INVALID_TOKEN", "")
NOT_ENOUGH = (grpc.StatusCode.PERMISSION_DENIED, "INSUFFICIENT_SCOPE")


@pytest.fixture
async def desk() -> AsyncIterator[Administered]:
    async with administered() as running:
        yield running


async def call(desk: Administered, method: str, caller: Metadata) -> object:
    """Call a method with an empty message."""
    _, service, name = method.split("/")
    described = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    ask = desk.channel.unary_unary(
        method, response_deserializer=GetMessageClass(described.output_type).FromString
    )
    return await ask(b"", metadata=caller)


async def refusals(
    desk: Administered, methods: Iterable[str], caller: Metadata
) -> dict[str, tuple[grpc.StatusCode, str, str]]:
    """Call methods that all have to refuse, and return what each said."""
    told = {method: await refused(call(desk, method, caller)) for method in methods}
    return {method: (one.code, one.reason, one.hint) for method, one in told.items()}


async def let_in(desk: Administered, methods: Iterable[str], caller: Metadata) -> set[str]:
    """Return the methods that let somebody in; what an empty message lacks is another matter."""
    allowed = set()
    for method in methods:
        try:
            await call(desk, method, caller)
        except grpc.aio.AioRpcError as error:
            told: Refused = await refused(_raised(error))
            if told.reason in ("INVALID_TOKEN", "INSUFFICIENT_SCOPE"):
                continue
        allowed.add(method)
    return allowed


async def _raised(error: grpc.aio.AioRpcError) -> None:
    raise error


def everywhere(*verdict: object) -> dict[str, tuple[object, ...]]:
    return dict.fromkeys(ADMINISTRATIVE, verdict)


@pytest.mark.parametrize("forged", ["missing", "empty", "made up", "broken", "basic", "refresh"])
async def test_nobody_administers_without_a_good_token(desk: Administered, forged: str) -> None:
    """One answer whatever is wrong, by every method, and nothing is done."""
    token = await desk.token()
    desk.core.audit.events.clear()
    caller: Metadata = {
        "missing": (),
        "empty": bearer(""),
        "made up": bearer("made-up"),
        "broken": bearer(token[:-1] + "~"),
        "basic": (("authorization", f"Basic {token}"),),
        "refresh": bearer("gdr_" + token),
    }[forged]

    assert await refusals(desk, ADMINISTRATIVE, caller) == everywhere(*BAD_TOKEN)
    assert set(desk.core.audited()) == {EventKind.CLIENT_REFUSED}


async def test_two_authorizations_are_none(desk: Administered) -> None:
    """Neither is chosen."""
    caller = await desk.caller()

    assert await refusals(desk, ADMINISTRATIVE, caller + caller) == everywhere(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "authorization has to be given once"
    )


async def test_a_token_without_the_scope_is_not_enough(desk: Administered) -> None:
    """RFC 6750 §3.1, and the hint says what is."""
    caller = await desk.caller(BYSTANDER)

    for methods, needed in ((READING, ADMIN_READ), (WRITING, ADMIN_WRITE)):
        assert await refusals(desk, methods, caller) == dict.fromkeys(
            methods, (*NOT_ENOUGH, f"the scope {needed} is needed")
        )


async def test_a_token_for_another_audience_is_none_here(desk: Administered) -> None:
    """Whatever a resource accepts, this server is not that resource (RFC 9068 §4)."""
    caller = await desk.caller(LEDGER)

    assert await refusals(desk, ADMINISTRATIVE, caller) == everywhere(*BAD_TOKEN)


async def test_who_may_read_reads_everything_and_changes_nothing(desk: Administered) -> None:
    """An auditor is let in by the methods that only show."""
    assert await let_in(desk, ADMINISTRATIVE, await desk.caller(AUDITOR)) == set(READING)


@pytest.mark.parametrize("name", [OPERATOR, OPAQUE, WRITER])
async def test_who_may_write_may_do_everything(desk: Administered, name: ClientId) -> None:
    """With a token of either form; to write is to read, too."""
    assert await let_in(desk, ADMINISTRATIVE, await desk.caller(name)) == set(ADMINISTRATIVE)


@pytest.mark.parametrize("name", [OPERATOR, OPAQUE])
async def test_a_token_that_ended_is_refused_by_the_very_next_call(
    desk: Administered, name: ClientId
) -> None:
    """Revoked, all of its client revoked, its client disabled or deleted, or expired."""
    clients, credentials = desk.core.administer_clients, desk.credentials[name]

    token = await desk.token(name)
    await desk.core.revoke(credentials, token)
    assert await refusals(desk, ADMINISTRATIVE, bearer(token)) == everywhere(*BAD_TOKEN)

    token = await desk.token(name)
    await clients.revoke_all(name)
    assert await refusals(desk, ADMINISTRATIVE, bearer(token)) == everywhere(*BAD_TOKEN)

    token = await desk.token(name)
    await clients.disable(name)
    assert await refusals(desk, ADMINISTRATIVE, bearer(token)) == everywhere(*BAD_TOKEN)

    await clients.enable(name)
    token, soon_orphaned = await desk.token(name), await desk.token(name)
    desk.core.clock.advance(timedelta(hours=2))
    assert await refusals(desk, ADMINISTRATIVE, bearer(token)) == everywhere(*BAD_TOKEN)

    desk.core.clock.advance(-timedelta(hours=2))
    await clients.delete(name)
    assert await refusals(desk, ADMINISTRATIVE, bearer(soon_orphaned)) == everywhere(*BAD_TOKEN)


async def test_a_store_that_is_away_lets_nobody_in(
    desk: Administered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a guess (D8), with the time to ask again."""
    caller = await desk.caller()

    def away() -> None:
        raise Unavailable("no store")

    monkeypatch.setattr(desk.core.stores.catalogue, "version", away)
    told = await refused(call(desk, ADMINISTRATIVE[0], caller))

    assert told.code is grpc.StatusCode.UNAVAILABLE
    assert told.retry_after == 1.0
