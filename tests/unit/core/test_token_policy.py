from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import InvalidScope, InvalidTarget, Unavailable
from domain.model.catalogue import Catalogue, CatalogueVersion
from domain.model.clients import Client, GrantType
from domain.model.identifiers import ResourceId
from domain.model.keys import KeyId, Keyring, KeySchedule, SigningAlgorithm, SigningKey
from domain.model.lifetimes import Lifetimes
from domain.model.resources import Resource
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from domain.usecases.token_policy import Ceiling, Settled, Source, Terms, TokenPolicy
from support.core import POLICY, RESOURCES, SALARIES, SCOPES, draft
from support.domain_samples import DAY, HOUR, INVOICES, ISSUER, NOW, SECOND

OTHER = ResourceId("https://other.example")
UNKNOWN = ResourceId("https://unknown.example")
ALL = Scope.parse("invoices.read invoices.write profile salaries.read")
OPEN = Ceiling(scope=ALL, default_scope=Scope.parse("invoices.read profile"))
CLIENT_CREDENTIALS = GrantType.CLIENT_CREDENTIALS


def catalogue(*resources: Resource) -> Catalogue:
    known = resources or (*RESOURCES, Resource(resource_id=OTHER))
    return Catalogue(
        version=CatalogueVersion(1),
        scopes={definition.token: definition for definition in SCOPES},
        resources={resource.resource_id: resource for resource in known},
        keyring=Keyring(
            signing=tuple(signing_key(algorithm) for algorithm in SigningAlgorithm),
            refresh_macs=(),
            peppers=(),
        ),
    )


def signing_key(algorithm: SigningAlgorithm) -> SigningKey:
    return SigningKey(
        key_id=KeyId(algorithm),
        algorithm=algorithm,
        schedule=KeySchedule(activate_at=NOW),
        material=b"",
    )


def numbered(resources: Iterable[Resource]) -> list[Resource]:
    """Return *resources*, each under an identifier of its own."""
    return [
        replace(resource, resource_id=ResourceId(f"{OTHER}/{number}"))
        for number, resource in enumerate(resources)
    ]


def terms_of(policy: TokenPolicy, client: Client, meant_for: Sequence[Resource]) -> Terms:
    audience = [resource.resource_id for resource in meant_for]
    return policy.terms(client, CLIENT_CREDENTIALS, audience, catalogue(*meant_for), now=NOW)


class TestSettleScope:
    @pytest.mark.parametrize(
        ("requested", "resources", "granted"),
        [
            (None, (), "invoices.read profile"),
            (None, (INVOICES,), "invoices.read profile"),
            (None, (SALARIES,), "profile"),
            (("invoices.write",), (), "invoices.write"),
            (("profile",), (), "profile"),
            (("profile", "invoices.read", "profile"), (INVOICES,), "invoices.read profile"),
            (
                ("salaries.read", "invoices.read"),
                (INVOICES, SALARIES),
                "invoices.read salaries.read",
            ),
        ],
    )
    def test_scope_is_what_is_named_or_what_of_the_default_fits(
        self, requested: Sequence[str] | None, resources: Sequence[ResourceId], granted: str
    ) -> None:
        """A scope that no resource owns fits every one of them."""
        settled = POLICY.settle_scope(requested, resources, OPEN, catalogue())

        assert settled == Scope.parse(granted)

    @pytest.mark.parametrize(
        ("requested", "resources", "hint"),
        [
            (("a b",), (), ""),
            (("",), (), ""),
            (("unknown",), (), "not granted: unknown"),
            (("Profile",), (), "not granted: Profile"),
            (("prof",), (), "not granted: prof"),
            (("*",), (), "not granted: *"),
            (("invoices.read", "unknown"), (), "not granted: unknown"),
            (("salaries.read",), (INVOICES,), "not of that resource: salaries.read"),
            (("profile", "invoices.read"), (SALARIES,), "not of that resource: invoices.read"),
        ],
    )
    def test_a_named_scope_that_may_not_be_granted_whole_is_refused(
        self, requested: Sequence[str], resources: Sequence[ResourceId], hint: str
    ) -> None:
        with pytest.raises(InvalidScope) as refusal:
            POLICY.settle_scope(requested, resources, OPEN, catalogue())

        assert refusal.value.hint == hint

    def test_a_token_may_have_no_scope_unless_one_is_required(self) -> None:
        bare = Ceiling(scope=ALL, default_scope=Scope())

        assert POLICY.settle_scope(None, (), bare, catalogue()) == Scope()
        with pytest.raises(InvalidScope):
            replace(POLICY, require_scope=True).settle_scope(None, (), bare, catalogue())

    def test_a_default_that_does_not_fit_the_resource_is_no_scope(self) -> None:
        """It satisfies no server that requires one."""
        mine = Ceiling(scope=ALL, default_scope=Scope.parse("invoices.read"))

        with pytest.raises(InvalidScope):
            replace(POLICY, require_scope=True).settle_scope(None, (SALARIES,), mine, catalogue())


class TestSettleAudience:
    @pytest.mark.parametrize(
        ("resources", "scope", "earlier", "default", "settled"),
        [
            ((OTHER,), "invoices.read", (INVOICES,), SALARIES, Settled((OTHER,), Source.REQUEST)),
            ((OTHER, INVOICES), "", None, None, Settled((OTHER, INVOICES), Source.REQUEST)),
            (
                (),
                "salaries.read",
                (INVOICES, OTHER),
                OTHER,
                Settled((INVOICES, OTHER), Source.GRANT),
            ),
            (
                (),
                "invoices.read invoices.write",
                None,
                SALARIES,
                Settled((INVOICES,), Source.SCOPE),
            ),
            ((), "invoices.read profile", None, SALARIES, Settled((INVOICES,), Source.SCOPE)),
            ((), "profile", None, SALARIES, Settled((SALARIES,), Source.CLIENT)),
            ((), "", None, SALARIES, Settled((SALARIES,), Source.CLIENT)),
            ((), "profile", None, None, Settled((ISSUER,), Source.SERVER)),
            ((), "", None, None, Settled((ISSUER,), Source.SERVER)),
        ],
    )
    def test_audience_is_the_resource_else_the_scopes_owner_else_the_default_else_the_issuer(
        self,
        resources: Sequence[ResourceId],
        scope: str,
        earlier: tuple[ResourceId, ...] | None,
        default: ResourceId | None,
        settled: Settled[tuple[str, ...]],
    ) -> None:
        """RFC 8707 §2.2, RFC 9068 §3; an earlier grant's audience stands before the scope's."""
        client = draft(default_audience=default)
        ceiling = replace(OPEN, audience=earlier)

        audience = POLICY.settle_audience(
            resources, Scope.parse(scope), ceiling, client, catalogue()
        )

        assert audience == settled

    def test_scopes_of_several_resources_without_a_resource_are_refused(self) -> None:
        """A token for both would be more than either service should see (RFC 9068 §3)."""
        with pytest.raises(InvalidScope, match="several resources"):
            POLICY.settle_audience(
                (), Scope.parse("invoices.read salaries.read"), OPEN, draft(), catalogue()
            )


JWT, OPAQUE = TokenFormat.JWT, TokenFormat.OPAQUE
ES256, RS256, EDDSA = SigningAlgorithm


class TestTerms:
    @pytest.mark.parametrize(
        ("resources", "client", "server", "wanted"),
        [
            ((OPAQUE,), JWT, JWT, OPAQUE),
            ((JWT,), OPAQUE, OPAQUE, JWT),
            ((None,), OPAQUE, JWT, OPAQUE),
            ((None,), None, OPAQUE, OPAQUE),
            ((None, OPAQUE), JWT, JWT, OPAQUE),
            ((OPAQUE, OPAQUE), JWT, JWT, OPAQUE),
            ((), OPAQUE, JWT, OPAQUE),
        ],
    )
    def test_the_resource_decides_the_format_else_the_client_else_the_server(
        self,
        resources: tuple[TokenFormat | None, ...],
        client: TokenFormat | None,
        server: TokenFormat,
        wanted: TokenFormat,
    ) -> None:
        meant_for = numbered(Resource(resource_id=OTHER, token_format=one) for one in resources)
        policy = replace(POLICY, token_format=server)

        terms = terms_of(policy, draft(token_format=client), meant_for)

        assert terms.token_format is wanted

    @pytest.mark.parametrize(
        ("resources", "client", "server", "wanted"),
        [
            ((RS256,), ES256, EDDSA, RS256),
            ((None,), RS256, ES256, RS256),
            ((None,), None, EDDSA, EDDSA),
            ((None, RS256), ES256, ES256, RS256),
        ],
    )
    def test_the_resource_decides_the_algorithm_else_the_client_else_the_server(
        self,
        resources: tuple[SigningAlgorithm | None, ...],
        client: SigningAlgorithm | None,
        server: SigningAlgorithm,
        wanted: SigningAlgorithm,
    ) -> None:
        meant_for = numbered(
            Resource(resource_id=OTHER, signing_algorithm=one) for one in resources
        )
        policy = replace(POLICY, signing_algorithm=server)

        terms = terms_of(policy, draft(signing_algorithm=client), meant_for)

        assert terms.signing_key is not None
        assert terms.signing_key.algorithm is wanted

    def test_an_opaque_token_needs_no_key(self) -> None:
        keyless = replace(catalogue(), keyring=Keyring(signing=(), refresh_macs=(), peppers=()))

        terms = POLICY.terms(draft(token_format=OPAQUE), CLIENT_CREDENTIALS, [], keyless, now=NOW)

        assert terms.signing_key is None

    def test_a_jwt_without_an_active_key_may_be_had_later(self) -> None:
        with pytest.raises(Unavailable, match="ES256"):
            POLICY.terms(
                draft(), CLIENT_CREDENTIALS, [], catalogue(), now=NOW - timedelta(seconds=1)
            )

    @pytest.mark.parametrize(
        ("one", "another"),
        [
            (
                Resource(resource_id=OTHER, token_format=JWT),
                Resource(resource_id=OTHER, token_format=OPAQUE),
            ),
            (
                Resource(resource_id=OTHER, signing_algorithm=ES256),
                Resource(resource_id=OTHER, signing_algorithm=RS256),
            ),
        ],
    )
    def test_resources_that_want_different_things_of_one_token_are_refused(
        self, one: Resource, another: Resource
    ) -> None:
        with pytest.raises(InvalidTarget, match="different"):
            terms_of(POLICY, draft(), numbered([one, another]))

    @pytest.mark.parametrize(
        ("resource", "client", "grant", "server", "wanted"),
        [
            (None, None, None, None, HOUR),
            (DAY, None, None, None, DAY),
            (None, DAY, None, None, DAY),
            (None, None, DAY, None, DAY),
            (None, None, None, DAY, DAY),
            (SECOND, DAY, DAY, DAY, SECOND),
            (DAY, SECOND, DAY, DAY, SECOND),
            (DAY, DAY, SECOND, DAY, SECOND),
            (DAY, DAY, DAY, SECOND, SECOND),
        ],
    )
    def test_the_shortest_configured_lifetime_wins(
        self,
        resource: timedelta | None,
        client: timedelta | None,
        grant: timedelta | None,
        server: timedelta | None,
        wanted: timedelta,
    ) -> None:
        """An hour where nothing is configured, and more than that if somebody says so."""
        by_grant = {CLIENT_CREDENTIALS: grant} if grant is not None else {}
        policy = replace(POLICY, lifetimes=Lifetimes(access_token_ttl=server, by_grant=by_grant))
        meant_for = [Resource(resource_id=OTHER, access_token_ttl=resource)]

        assert terms_of(policy, draft(access_token_ttl=client), meant_for).ttl == wanted

    def test_another_grants_lifetime_does_not_count(self) -> None:
        policy = replace(POLICY, lifetimes=Lifetimes(by_grant={GrantType.REFRESH_TOKEN: SECOND}))

        assert terms_of(policy, draft(), []).ttl == HOUR

    def test_a_resource_that_is_known_no_more_wants_nothing(self) -> None:
        """A refresh family may outlive one of its resources."""
        terms = POLICY.terms(draft(), CLIENT_CREDENTIALS, [UNKNOWN], catalogue(), now=NOW)

        assert terms.token_format is JWT
        assert terms.ttl == HOUR


class TestRefreshExpiry:
    @pytest.mark.parametrize(
        ("client", "server", "cap", "ends_in"),
        [
            (None, None, None, 30 * DAY),
            (None, DAY, None, DAY),
            (HOUR, DAY, None, HOUR),
            (DAY, HOUR, None, HOUR),
            (None, DAY, 2 * DAY, DAY),
            (None, DAY, HOUR, HOUR),
        ],
    )
    def test_a_family_slides_but_never_past_its_cap(
        self,
        client: timedelta | None,
        server: timedelta | None,
        cap: timedelta | None,
        ends_in: timedelta,
    ) -> None:
        policy = replace(POLICY, lifetimes=Lifetimes(refresh_token_ttl=server))
        must_end_by = NOW + cap if cap is not None else None

        ends = policy.refresh_expiry(
            draft(refresh_token_ttl=client), must_end_by=must_end_by, now=NOW
        )

        assert ends == NOW + ends_in

    @pytest.mark.parametrize(
        ("client", "server", "wanted"),
        [
            (None, None, None),
            (DAY, None, DAY),
            (None, DAY, DAY),
            (HOUR, DAY, HOUR),
            (DAY, HOUR, HOUR),
        ],
    )
    def test_the_cap_is_the_shorter_one_of_client_and_server(
        self, client: timedelta | None, server: timedelta | None, wanted: timedelta | None
    ) -> None:
        policy = replace(POLICY, lifetimes=Lifetimes(refresh_token_max_age=server))

        ends = policy.refresh_must_end_by(draft(refresh_token_max_age=client), now=NOW)

        assert ends == (NOW + wanted if wanted is not None else None)

    def test_a_clients_grace_stands_before_the_servers_even_if_it_is_none(self) -> None:
        policy = replace(POLICY, lifetimes=Lifetimes(refresh_grace=SECOND))

        assert policy.refresh_grace(draft()) == SECOND
        assert policy.refresh_grace(draft(refresh_grace=timedelta())) == timedelta()
        assert POLICY.refresh_grace(draft()) == timedelta()


class TestRequireResources:
    @pytest.mark.parametrize(
        ("client", "earlier", "requested", "expected"),
        [
            (draft(), None, (), ()),
            (draft(), None, (INVOICES,), (INVOICES,)),
            (draft(audiences=frozenset({OTHER})), None, (OTHER,), (OTHER,)),
            (draft(default_audience=SALARIES), None, (SALARIES,), (SALARIES,)),
            (draft(audiences=frozenset({OTHER})), None, (OTHER, INVOICES), (OTHER, INVOICES)),
            (draft(), None, (INVOICES, INVOICES), (INVOICES,)),
            (draft(), (SALARIES, OTHER), (OTHER,), (OTHER,)),
            (draft(), None, (ISSUER,), (ISSUER,)),
        ],
    )
    def test_a_client_may_ask_for_its_audiences_and_for_what_owns_its_scopes(
        self,
        client: Client,
        earlier: tuple[ResourceId, ...] | None,
        requested: tuple[str, ...],
        expected: tuple[str, ...],
    ) -> None:
        """A refresh may ask for what the grant was given for, and for nothing else."""
        ceiling = replace(OPEN, audience=earlier)

        assert POLICY.require_resources(requested, ceiling, client, catalogue()) == expected

    @pytest.mark.parametrize(
        ("earlier", "requested", "hint"),
        [
            (None, (SALARIES,), SALARIES),
            (None, (UNKNOWN,), UNKNOWN),
            (None, (INVOICES, SALARIES), SALARIES),
            (None, (f"{INVOICES}/",), f"{INVOICES}/"),
            (None, ("not a uri",), "not a uri"),
            ((INVOICES,), (OTHER,), OTHER),
        ],
    )
    def test_any_other_resource_is_refused_by_name(
        self, earlier: tuple[ResourceId, ...] | None, requested: tuple[str, ...], hint: str
    ) -> None:
        """Unknown and not allowed read the same."""
        mine = draft(audiences=frozenset({UNKNOWN, OTHER}) if earlier else frozenset())

        with pytest.raises(InvalidTarget) as refusal:
            POLICY.require_resources(requested, replace(OPEN, audience=earlier), mine, catalogue())

        assert refusal.value.hint == hint
