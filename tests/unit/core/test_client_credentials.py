from dataclasses import replace

import pytest

from domain.errors import InvalidScope
from domain.model.families import RefreshToken
from domain.model.identifiers import bucket_of
from domain.model.introspection import ActiveAccessToken, ActiveRefreshToken
from domain.model.lifetimes import Lifetimes
from domain.model.scopes import Scope, ScopeToken
from support.core import POLICY, SALARIES, build_core, draft, refreshing
from support.domain_samples import DAY, HOUR, INVOICES, LEDGER, MOMENT, NOW, SECOND

EVERYTHING = Scope.parse("invoices.read invoices.write profile salaries.read")


async def test_a_client_gets_no_refresh_token_unless_it_is_registered_so() -> None:
    """It can always ask again (RFC 6749 §4.4.3)."""
    core = await build_core()

    issued = await core.issue(await core.register(draft()))

    assert issued.refresh_token is None


async def test_a_client_registered_so_gets_one_that_holds_what_was_granted() -> None:
    core = await build_core()
    credentials = await core.register(refreshing())

    issued = await core.issue(credentials, scope="invoices.write")

    answer = await core.introspect(credentials, issued.refresh_token)
    assert isinstance(answer, ActiveRefreshToken)
    family = answer.family
    assert (family.owner, family.scope, family.audience) == (LEDGER, issued.scope, (INVOICES,))
    assert (family.created_at, family.expires_at) == (NOW, NOW + 30 * DAY)
    assert family.must_end_by is None
    assert family.family_id.startswith(bucket_of(LEDGER))
    access = await core.introspect(credentials, issued.access_token)
    assert isinstance(access, ActiveAccessToken)
    assert access.claims.family is not None
    assert (access.claims.family.family_id, access.claims.family.generation) == (
        family.family_id,
        1,
    )


async def test_an_access_token_never_outlives_its_family() -> None:
    """Nor does the family pass its cap, however long it may slide."""
    policy = replace(POLICY, lifetimes=Lifetimes(refresh_token_ttl=DAY))
    core = await build_core(policy=policy)
    credentials = await core.register(
        refreshing(refresh_token_max_age=60 * SECOND, access_token_ttl=HOUR)
    )

    issued = await core.issue(credentials)

    assert issued.expires_in == 60 * SECOND


async def test_a_request_in_mid_second_is_cut_down_to_a_whole_one() -> None:
    core = await build_core()
    credentials = await core.register(refreshing(refresh_token_max_age=60 * SECOND))
    core.clock.advance(500 * MOMENT)

    issued = await core.issue(credentials)

    assert issued.expires_in == 60 * SECOND
    core.clock.advance(60 * SECOND)
    answer = await core.introspect(credentials, issued.access_token)
    assert not isinstance(answer, ActiveAccessToken)


async def test_a_client_holds_so_many_families_and_the_oldest_gives_way() -> None:
    core = await build_core(policy=replace(POLICY, max_families_per_client=2))
    credentials = await core.register(refreshing())

    issued = [await core.issue(credentials) for _ in range(3)]

    live = [await core.introspect(credentials, token.refresh_token) for token in issued]
    assert [isinstance(answer, ActiveRefreshToken) for answer in live] == [False, True, True]


async def test_a_scope_that_the_server_forgot_is_not_granted() -> None:
    """Neither by name nor by default."""
    core = await build_core()
    credentials = await core.register(draft(default_scope=Scope.parse("invoices.read")))
    await core.administer_catalogue.remove_scope(ScopeToken("invoices.read"))

    assert (await core.issue(credentials)).scope == Scope()
    with pytest.raises(InvalidScope):
        await core.issue(credentials, scope="invoices.read")


async def test_the_default_scope_is_what_of_it_fits_the_resource() -> None:
    core = await build_core()
    credentials = await core.register(draft(scope=EVERYTHING, default_scope=EVERYTHING))

    issued = await core.issue(credentials, resources=[SALARIES])

    assert issued.scope == Scope.parse("profile salaries.read")


async def test_a_default_scope_of_several_resources_needs_one_named() -> None:
    core = await build_core()
    credentials = await core.register(draft(scope=EVERYTHING, default_scope=EVERYTHING))

    with pytest.raises(InvalidScope):
        await core.issue(credentials)


async def test_a_refused_request_opens_no_family() -> None:
    core = await build_core(policy=replace(POLICY, max_families_per_client=1))
    credentials = await core.register(refreshing())
    issued = await core.issue(credentials)

    with pytest.raises(InvalidScope):
        await core.issue(credentials, scope="other")

    assert RefreshToken.parse(str(issued.refresh_token)) is not None
    answer = await core.introspect(credentials, issued.refresh_token)
    assert isinstance(answer, ActiveRefreshToken)
