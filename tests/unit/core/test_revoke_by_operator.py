import pytest

from domain.errors import InvalidGrant, TokenNotFound
from domain.model.events import EventKind
from domain.model.identifiers import FamilyId, TokenId
from domain.model.introspection import INACTIVE
from domain.model.tokens import TokenFormat
from domain.usecases.revoke_by_operator import LISTED_FOR
from support.core import HandWiredCore, build_core, draft, refreshing
from support.domain_samples import LEDGER, MOMENT, NOW, PAYROLL, family_id, token_id


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


@pytest.mark.parametrize("token_format", TokenFormat)
async def test_anybodys_access_token_ends(core: HandWiredCore, token_format: TokenFormat) -> None:
    """And it goes alone."""
    owner = await core.register(draft(token_format=token_format))
    leaked, kept = await core.issue(owner), await core.issue(owner)

    ended = await core.revoke_by_operator.token(leaked.access_token)

    assert ended.owner == LEDGER
    assert await core.introspect(owner, leaked.access_token) == INACTIVE
    assert await core.introspect(owner, kept.access_token) != INACTIVE
    event = core.audit.events[-1]
    assert (event.kind, event.subject) == (EventKind.TOKEN_REVOKED, LEDGER)
    assert event.token_id == ended.token_id


async def test_a_refresh_token_takes_its_family_along(core: HandWiredCore) -> None:
    owner = await core.register(refreshing())
    issued = await core.issue(owner)
    assert issued.refresh_token is not None

    ended = await core.revoke_by_operator.token(issued.refresh_token)

    assert ended.family_id is not None
    with pytest.raises(InvalidGrant):
        await core.refresh(owner, issued.refresh_token)
    with pytest.raises(TokenNotFound):
        await core.revoke_by_operator.family(ended.family_id)


@pytest.mark.parametrize("text", ["", "anything", "gda_000" + 43 * "x"])
async def test_what_is_no_live_token_is_refused(core: HandWiredCore, text: str) -> None:
    """Nothing is recorded, since nothing was decided."""
    with pytest.raises(TokenNotFound) as refusal:
        await core.revoke_by_operator.token(text)
    assert refusal.value.hint == ""
    assert core.audited() == []


async def test_an_id_stays_listed_for_as_long_as_a_token_might_live(core: HandWiredCore) -> None:
    """An id alone does not tell when its token expires."""
    await core.revoke_by_operator.token_id(token_id())

    last = NOW + LISTED_FOR - MOMENT
    assert await core.stores.revocations.contains(token_id(), now=last)


@pytest.mark.parametrize("text", ["", "x", "zzz" + 22 * "a", 25 * "a" + "\n"])
async def test_an_id_of_nobody_is_refused(core: HandWiredCore, text: str) -> None:
    """It could never be met again."""
    with pytest.raises(TokenNotFound):
        await core.revoke_by_operator.token_id(TokenId(text))
    with pytest.raises(TokenNotFound):
        await core.revoke_by_operator.family(FamilyId(text))


async def test_an_unknown_family_is_refused_by_its_id(core: HandWiredCore) -> None:
    with pytest.raises(TokenNotFound) as refusal:
        await core.revoke_by_operator.family(family_id(7))
    assert refusal.value.hint == family_id(7)


async def test_everything_is_what_every_client_holds(core: HandWiredCore) -> None:
    """Whoever asks anew gets anew."""
    owners = [await core.register(refreshing(name)) for name in (LEDGER, PAYROLL)]
    issued = [await core.issue(owner) for owner in owners]

    assert await core.revoke_by_operator.everything() == 2

    for owner, answer in zip(owners, issued, strict=True):
        assert await core.introspect(owner, answer.access_token) == INACTIVE
        with pytest.raises(InvalidGrant):
            await core.refresh(owner, answer.refresh_token)
        assert await core.introspect(owner, (await core.issue(owner)).access_token) != INACTIVE
