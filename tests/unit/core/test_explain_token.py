from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import (
    ClientNotFound,
    GrantdError,
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from domain.model.clients import Client, GrantType, Subject
from domain.model.identifiers import ClientId, Owner, ResourceId
from domain.model.keys import KeyId, KeySchedule, SigningAlgorithm, SigningKey
from domain.model.lifetimes import Lifetimes
from domain.model.policy import DeclaredPolicy
from domain.model.scopes import Scope, ScopeToken
from domain.model.tokens import TokenFormat
from domain.usecases.explain_token import (
    Explanation,
    Offer,
    Question,
    RefreshRule,
    ScopeRule,
)
from domain.usecases.token_policy import Settled, Source
from support.core import POLICY, SALARIES, HandWiredCore, build_core, draft, public, refreshing
from support.domain_samples import DAY, HOUR, INVOICES, ISSUER, LEDGER, NOW, SECOND

CLIENT_CREDENTIALS = GrantType.CLIENT_CREDENTIALS
ONLY_CREDENTIALS = frozenset({CLIENT_CREDENTIALS})
MINUTE = 60 * SECOND


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


async def explain(
    core: HandWiredCore,
    registration: Client | None = None,
    *,
    scope: str | None = None,
    resources: tuple[str, ...] = (),
    grant_type: str = CLIENT_CREDENTIALS,
) -> Explanation:
    if registration is not None:
        await core.register(registration)
    return await core.explain_token(
        Question(
            client_id=LEDGER,
            grant_type=grant_type,
            scope=tuple(scope.split(" ")) if scope is not None else None,
            resources=resources,
        )
    )


async def offered(
    core: HandWiredCore, registration: Client, *, scope: str | None = None, resource: str = ""
) -> Offer:
    resources = (resource,) if resource else ()
    explained = await explain(core, registration, scope=scope, resources=resources)
    assert explained.offer is not None, explained.refusal
    return explained.offer


async def declare(core: HandWiredCore, policy: DeclaredPolicy) -> None:
    catalogue = await core.stores.catalogue.load()
    await core.stores.catalogue.replace(replace(catalogue, policy=policy), seen=catalogue)


def rules(explained: Explanation) -> dict[str, ScopeRule]:
    return {verdict.token: verdict.rule for verdict in explained.scopes}


async def test_an_unknown_client_is_not_found(core: HandWiredCore) -> None:
    with pytest.raises(ClientNotFound):
        await core.explain_token(Question(client_id=ClientId("nobody")))


async def test_nothing_is_issued_recorded_or_written(core: HandWiredCore) -> None:
    await core.register(refreshing(token_format=TokenFormat.OPAQUE))
    before, client = await core.stores.catalogue.load(), await core.stores.clients.find(LEDGER)
    core.audit.events.clear()

    explained = await explain(core)

    assert explained.offer is not None
    assert explained.offer.refresh_token is RefreshRule.REGISTERED
    assert core.audit.events == []
    assert await core.stores.catalogue.load() == before
    assert await core.stores.clients.find(LEDGER) == client


class TestScopes:
    async def test_each_token_that_is_asked_for_has_its_rule(self, core: HandWiredCore) -> None:
        """One that is refused refuses the request, and the others are told all the same."""
        registration = draft(
            scope=Scope.parse("invoices.read invoices.write profile salaries.read"),
            default_scope=Scope(),
            audiences=frozenset({INVOICES}),
        )
        await core.register(registration)
        administer = core.administer_catalogue
        await administer.disable_scope(ScopeToken("profile"))

        explained = await explain(
            core,
            scope='invoices.read invoices.read salaries.read profile nothing a"b',
            resources=(INVOICES,),
        )

        assert isinstance(explained.refusal, InvalidScope)
        assert rules(explained) == {
            "invoices.read": ScopeRule.REGISTERED,
            "salaries.read": ScopeRule.OTHER_RESOURCE,
            "profile": ScopeRule.DISABLED,
            "nothing": ScopeRule.UNKNOWN,
            'a"b': ScopeRule.MALFORMED,
        }

    async def test_a_scope_beyond_the_registration_and_one_of_a_disabled_resource(
        self, core: HandWiredCore
    ) -> None:
        await core.register(draft(scope=Scope.parse("salaries.read"), default_scope=Scope()))
        await core.administer_catalogue.disable_resource(SALARIES)

        explained = await explain(core, scope="salaries.read invoices.read")

        assert rules(explained) == {
            "salaries.read": ScopeRule.RESOURCE_DISABLED,
            "invoices.read": ScopeRule.NOT_REGISTERED,
        }

    async def test_without_a_scope_each_token_of_the_default_has_its_rule(
        self, core: HandWiredCore
    ) -> None:
        """What does not fit is left out, and the request is granted."""
        scope = Scope.parse("invoices.read invoices.write salaries.read")
        await core.register(
            draft(scope=scope, default_scope=scope, audiences=frozenset({INVOICES}))
        )
        await core.administer_catalogue.remove_scope(ScopeToken("invoices.write"))

        explained = await explain(core, resources=(INVOICES,))

        assert explained.offer is not None
        assert explained.offer.scope == Scope.parse("invoices.read")
        assert rules(explained) == {
            "invoices.read": ScopeRule.DEFAULT,
            "invoices.write": ScopeRule.UNKNOWN,
            "salaries.read": ScopeRule.OTHER_RESOURCE,
        }

    async def test_a_scope_that_is_required_and_missing_is_the_refusal(self) -> None:
        core = await build_core(policy=replace(POLICY, require_scope=True))

        explained = await explain(core, draft(default_scope=Scope()))

        assert isinstance(explained.refusal, InvalidScope)
        assert explained.scopes == ()

    async def test_scopes_of_several_resources_are_good_each_and_refused_together(
        self, core: HandWiredCore
    ) -> None:
        scope = Scope.parse("invoices.read salaries.read")

        explained = await explain(
            core, draft(scope=scope, default_scope=Scope()), scope="invoices.read salaries.read"
        )

        assert isinstance(explained.refusal, InvalidScope)
        assert explained.refusal.hint.endswith("name a resource")
        assert set(rules(explained).values()) == {ScopeRule.REGISTERED}

    async def test_the_scopes_are_told_although_the_resource_is_refused(
        self, core: HandWiredCore
    ) -> None:
        explained = await explain(
            core, draft(), scope="invoices.read", resources=("https://unknown.example",)
        )

        assert isinstance(explained.refusal, InvalidTarget)
        assert rules(explained) == {"invoices.read": ScopeRule.REGISTERED}


class TestAdmission:
    @pytest.mark.parametrize(
        ("registration", "grant_type", "refusal"),
        [
            (public(scope=Scope(), default_scope=Scope()), "client_credentials", InvalidClient),
            (
                draft(grant_types=frozenset({GrantType.REFRESH_TOKEN})),
                "client_credentials",
                UnauthorizedClient,
            ),
            (draft(grant_types=ONLY_CREDENTIALS), "refresh_token", UnauthorizedClient),
            (draft(), "refresh_token", InvalidRequest),
            (draft(), "password", UnsupportedGrantType),
        ],
    )
    async def test_a_grant_that_is_not_to_be_had_is_the_refusal(
        self,
        core: HandWiredCore,
        registration: Client,
        grant_type: str,
        refusal: type[GrantdError],
    ) -> None:
        explained = await explain(core, registration, grant_type=grant_type)

        assert isinstance(explained.refusal, refusal)
        assert explained.offer is None

    async def test_a_grant_that_is_switched_off_is_the_refusal(self) -> None:
        core = await build_core(
            policy=replace(POLICY, grant_types=frozenset({GrantType.REFRESH_TOKEN})),
            grants=[GrantType.REFRESH_TOKEN],
        )

        assert isinstance((await explain(core, draft())).refusal, UnsupportedGrantType)

    async def test_a_disabled_client_is_refused_whatever_it_asks_for(
        self, core: HandWiredCore
    ) -> None:
        """Its scopes are told as they would be if it were enabled."""
        await core.register(draft())
        await core.administer_clients.disable(LEDGER)

        explained = await explain(core, scope="invoices.read")

        assert isinstance(explained.refusal, InvalidClient)
        assert explained.refusal.hint == "the client is disabled"
        assert rules(explained) == {"invoices.read": ScopeRule.REGISTERED}


class TestAudience:
    @pytest.mark.parametrize(
        ("registration", "scope", "resource", "audience"),
        [
            (draft(), "invoices.read", INVOICES, Settled((INVOICES,), Source.REQUEST)),
            (draft(), "invoices.read", "", Settled((INVOICES,), Source.SCOPE)),
            (
                draft(
                    scope=Scope.parse("profile"), default_scope=Scope(), default_audience=SALARIES
                ),
                "profile",
                "",
                Settled((SALARIES,), Source.CLIENT),
            ),
            (draft(default_scope=Scope()), None, "", Settled((ISSUER,), Source.SERVER)),
        ],
    )
    async def test_what_settled_it_is_told(
        self,
        core: HandWiredCore,
        registration: Client,
        scope: str | None,
        resource: str,
        audience: Settled[tuple[ResourceId, ...]],
    ) -> None:
        offer = await offered(core, registration, scope=scope, resource=resource)

        assert offer.audience == audience

    async def test_the_subject_is_whom_the_token_speaks_for(self, core: HandWiredCore) -> None:
        offer = await offered(core, draft(owner=Owner("ada"), subject=Subject.OWNER))

        assert offer.subject == "ada"


def ending(after: timedelta) -> SigningKey:
    """Return a key that signs, and is gone in a while."""
    return SigningKey(
        key_id=KeyId("ending"),
        algorithm=SigningAlgorithm.ES256,
        schedule=KeySchedule(activate_at=NOW - DAY, remove_at=NOW + after),
        material=b"",
    )


class TestLifetime:
    async def test_it_is_an_hour_if_nothing_says_otherwise(self, core: HandWiredCore) -> None:
        assert (await offered(core, draft())).lifetime == Settled(HOUR, Source.SERVER)

    async def test_the_shortest_is_told_with_who_set_it(self) -> None:
        lifetimes = Lifetimes(
            access_token_ttl=50 * MINUTE, by_grant={CLIENT_CREDENTIALS: 40 * MINUTE}
        )
        core = await build_core(policy=replace(POLICY, lifetimes=lifetimes))
        registration = draft()
        assert (await offered(core, registration)).lifetime == Settled(40 * MINUTE, Source.GRANT)

        await core.change_client(LEDGER, access_token_ttl=30 * MINUTE)
        assert await self.again(core) == Settled(30 * MINUTE, Source.CLIENT)

        administer = core.administer_catalogue
        await administer.update_resource(INVOICES, {"access_token_ttl": 20 * MINUTE})
        assert await self.again(core) == Settled(20 * MINUTE, Source.RESOURCE)

        await declare(core, DeclaredPolicy(access_token_ttl=10 * MINUTE))
        assert await self.again(core) == Settled(10 * MINUTE, Source.DECLARED)

        await declare(core, DeclaredPolicy(grant_access_token_ttl={CLIENT_CREDENTIALS: 5 * MINUTE}))
        assert await self.again(core) == Settled(5 * MINUTE, Source.DECLARED)

    @staticmethod
    async def again(core: HandWiredCore) -> Settled[timedelta]:
        explained = await explain(core, scope="invoices.read")
        assert explained.offer is not None
        return explained.offer.lifetime

    async def test_a_token_outlives_neither_its_family_nor_its_key(self) -> None:
        core = await build_core(pinned=[ending(10 * MINUTE)])
        offer = await offered(core, refreshing(refresh_token_ttl=5 * MINUTE))
        assert offer.lifetime == Settled(5 * MINUTE, Source.REFRESH_TOKEN)
        assert offer.key_id == "ending"

        await core.change_client(LEDGER, refresh_token_ttl=None, refresh_token_max_age=20 * MINUTE)
        assert await self.again(core) == Settled(10 * MINUTE, Source.SIGNING_KEY)

        await core.change_client(LEDGER, token_format=TokenFormat.OPAQUE)
        assert await self.again(core) == Settled(20 * MINUTE, Source.REFRESH_TOKEN)


class TestForm:
    async def test_form_and_algorithm_are_told_with_who_set_them(self, core: HandWiredCore) -> None:
        jwt, es256, rs256 = TokenFormat.JWT, SigningAlgorithm.ES256, SigningAlgorithm.RS256
        offer = await offered(core, draft(), scope="invoices.read")
        keyring = (await core.catalogue.read()).keyring
        key = keyring.signer(es256, now=NOW)
        assert key is not None
        assert offer.token_format == Settled(jwt, Source.SERVER)
        assert offer.signing_algorithm == Settled(es256, Source.SERVER)
        assert offer.key_id == key.key_id

        await declare(core, DeclaredPolicy(signing_algorithm=rs256, token_format=jwt))
        offer = await self.again(core)
        assert offer.token_format == Settled(jwt, Source.DECLARED)
        assert offer.signing_algorithm == Settled(rs256, Source.DECLARED)

        await core.change_client(LEDGER, signing_algorithm=es256, token_format=jwt)
        offer = await self.again(core)
        assert offer.token_format == Settled(jwt, Source.CLIENT)
        assert offer.signing_algorithm == Settled(es256, Source.CLIENT)

        administer = core.administer_catalogue
        await administer.update_resource(INVOICES, {"token_format": TokenFormat.OPAQUE})
        offer = await self.again(core)
        assert offer.token_format == Settled(TokenFormat.OPAQUE, Source.RESOURCE)
        assert (offer.signing_algorithm, offer.key_id) == (None, None)

    @staticmethod
    async def again(core: HandWiredCore) -> Offer:
        explained = await explain(core, scope="invoices.read")
        assert explained.offer is not None
        return explained.offer


class TestRefreshToken:
    @pytest.mark.parametrize(
        ("is_registered", "grants", "rule"),
        [
            (True, frozenset(GrantType), RefreshRule.REGISTERED),
            (False, frozenset(GrantType), RefreshRule.NOT_REGISTERED),
            (True, ONLY_CREDENTIALS, RefreshRule.SWITCHED_OFF),
        ],
    )
    async def test_why_there_is_one_or_none_is_told(
        self, *, is_registered: bool, grants: frozenset[GrantType], rule: RefreshRule
    ) -> None:
        core = await build_core(policy=replace(POLICY, grant_types=grants), grants=grants)

        offer = await offered(core, draft(issue_refresh_token=is_registered))

        assert offer.refresh_token is rule
