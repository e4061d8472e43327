from dataclasses import fields, replace
from datetime import timedelta

from domain.model.clients import GrantType
from domain.model.keys import SigningAlgorithm
from domain.model.lifetimes import Lifetimes
from domain.model.policy import DeclaredPolicy
from domain.model.tokens import TokenFormat
from domain.usecases.token_policy import PolicyInForce, TokenPolicy
from support.core import POLICY, build_core, draft, refreshing
from support.domain_samples import HOUR, LEDGER
from support.states import apply

MINUTE = timedelta(minutes=1)


class TestUnder:
    def test_nothing_declared_leaves_the_very_policy_that_was_set(self) -> None:
        """Of a mark that an application leaves there is nothing to find in it either."""
        assert POLICY.under(DeclaredPolicy()) is POLICY
        assert POLICY.under(DeclaredPolicy(apply_under_way="somebody")) is POLICY

    def test_one_declaration_is_worked_out_once(self) -> None:
        """As long as the catalogue stays, so does the answer."""
        declared, in_force = DeclaredPolicy(require_scope=True), PolicyInForce(POLICY)

        assert in_force.under(declared) is in_force.under(declared)
        assert in_force.under(declared).require_scope
        assert not in_force.under(DeclaredPolicy()).require_scope

    def test_what_is_declared_stands_over_what_was_set_and_the_rest_stays(self) -> None:
        """Every setting of policy can be declared, each by itself."""
        own = TokenPolicy(
            issuer="https://id.example",
            lifetimes=Lifetimes(
                access_token_ttl=HOUR, by_grant={GrantType.REFRESH_TOKEN: HOUR}, refresh_grace=HOUR
            ),
            max_families_per_client=7,
        )

        policy = own.under(
            DeclaredPolicy(
                access_token_ttl=MINUTE,
                grant_access_token_ttl={GrantType.CLIENT_CREDENTIALS: MINUTE},
                refresh_token_ttl=2 * MINUTE,
                refresh_token_max_age=3 * MINUTE,
                token_format=TokenFormat.OPAQUE,
                signing_algorithm=SigningAlgorithm.RS256,
                require_scope=True,
                revoke_access_token_on_refresh=True,
            )
        )

        assert policy == replace(
            own,
            lifetimes=Lifetimes(
                access_token_ttl=MINUTE,
                by_grant={
                    GrantType.REFRESH_TOKEN: HOUR,
                    GrantType.CLIENT_CREDENTIALS: MINUTE,
                },
                refresh_token_ttl=2 * MINUTE,
                refresh_token_max_age=3 * MINUTE,
                refresh_grace=HOUR,
            ),
            token_format=TokenFormat.OPAQUE,
            signing_algorithm=SigningAlgorithm.RS256,
            require_scope=True,
            revoke_access_token_on_refresh=True,
        )

    def test_a_switch_can_be_declared_off_and_a_wait_zero(self) -> None:
        """What is false or nothing is declared as much as anything else."""
        own = replace(POLICY, require_scope=True, lifetimes=Lifetimes(refresh_grace=HOUR))

        policy = own.under(DeclaredPolicy(require_scope=False, refresh_grace=timedelta()))

        assert not policy.require_scope
        assert policy.lifetimes.refresh_grace == timedelta()

    def test_every_setting_that_can_be_declared_overrules_one(self) -> None:
        """A name that only one of the two knows would be declared for nothing."""
        ours = {one.name for one in (*fields(TokenPolicy), *fields(Lifetimes))}
        declared = {one.name for one in fields(DeclaredPolicy)}

        assert declared - ours == {"grant_access_token_ttl", "apply_under_way"}


async def test_a_declared_lifetime_holds_for_the_next_token() -> None:
    """Whoever issues asks the catalogue, which is read at every request."""
    core = await build_core()
    credentials = await core.register(draft(LEDGER))
    before = await core.issue(credentials)

    await apply(core, "policy: {access_token_ttl: 90s}")
    after = await core.issue(credentials)

    assert (before.expires_in, after.expires_in) == (HOUR, timedelta(seconds=90))


async def test_declared_refresh_policy_holds_for_families_of_before() -> None:
    """A refresh is judged by what is declared when it comes."""
    core = await build_core()
    credentials = await core.register(refreshing(LEDGER))
    first = await core.issue(credentials)

    await apply(core, "policy: {refresh_grace: 1m, grant_access_token_ttl: {refresh_token: 30s}}")
    second = await core.refresh(credentials, first.refresh_token)
    again = await core.refresh(credentials, first.refresh_token)

    assert second.expires_in == timedelta(seconds=30)
    assert again.refresh_token == second.refresh_token
