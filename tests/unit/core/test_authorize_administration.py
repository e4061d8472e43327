"""Who may administer, and what the trail is told of who may not."""

from datetime import timedelta

import pytest

from domain.errors import InsufficientScope, InvalidToken
from domain.model.administration import ADMIN_READ, ADMIN_WRITE, permits
from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from domain.model.scopes import Scope
from support.core import HandWiredCore, build_core, draft

OPERATOR = ClientId("operator")


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


async def token_of(core: HandWiredCore, scope: str) -> str:
    wanted = draft(OPERATOR, scope=Scope.parse(scope), default_scope=Scope())
    credentials = await core.register(wanted)
    token = (await core.issue(credentials, scope=scope)).access_token
    core.audit.events.clear()
    return token


@pytest.mark.parametrize(
    ("granted", "needed", "is_enough"),
    [
        (ADMIN_READ, ADMIN_READ, True),
        (ADMIN_READ, ADMIN_WRITE, False),
        (ADMIN_WRITE, ADMIN_READ, True),
        (ADMIN_WRITE, ADMIN_WRITE, True),
        ("profile", ADMIN_READ, False),
        ("", ADMIN_READ, False),
    ],
)
def test_to_write_is_to_read(granted: str, needed: str, is_enough: bool) -> None:  # noqa: FBT001  (a table's column)
    """And to read is not to write."""
    assert permits(Scope.parse(granted), Scope.of([needed]).values[0]) is is_enough


async def test_who_is_let_in_is_told_by_name(core: HandWiredCore) -> None:
    """So that the trail can say who did what; being let in is no event."""
    token = await token_of(core, ADMIN_WRITE)

    assert await core.authorize_administration(token, needs=ADMIN_READ) == OPERATOR
    assert core.audited() == []


async def test_who_is_refused_is_in_the_trail(core: HandWiredCore) -> None:
    """By name, once the token is proved to be that client's."""
    token = await token_of(core, ADMIN_READ)

    with pytest.raises(InsufficientScope):
        await core.authorize_administration(token, needs=ADMIN_WRITE)
    with pytest.raises(InvalidToken):
        await core.authorize_administration("made-up", needs=ADMIN_READ)
    core.clock.advance(timedelta(days=1))
    with pytest.raises(InvalidToken):
        await core.authorize_administration(token, needs=ADMIN_READ)

    assert set(core.audited()) == {EventKind.CLIENT_REFUSED}
    told = [(event.client_id, event.reason.partition(":")[0]) for event in core.audit.events]
    assert told == [
        (OPERATOR, "insufficient_scope"),
        (None, "invalid_token"),
        (OPERATOR, "invalid_token"),
    ]
    assert {event.subject for event in core.audit.events} == {"administration"}
    assert token not in str(core.audit.events)
