"""What is explained is what issuing does, whatever is registered, set, declared or disabled."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import GrantdError
from domain.model.administration import RESERVED
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod
from domain.model.identifiers import ResourceId
from domain.model.introspection import ActiveAccessToken
from domain.model.keys import KeyId, KeySchedule, SigningAlgorithm, SigningKey
from domain.model.lifetimes import Lifetimes
from domain.model.policy import DeclaredPolicy
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition
from domain.model.tokens import IssuedToken, TokenFormat, is_opaque
from domain.usecases.explain_token import Question, RefreshRule
from domain.usecases.token_policy import TokenPolicy
from support.core import SALARIES, SCOPES, HandWiredCore, build_core, draft
from support.domain_samples import DAY, INVOICES, ISSUER, NOW
from support.domain_strategies import ttls

KNOWN = sorted((*(definition.token for definition in SCOPES), *RESERVED))
RESOURCES = (INVOICES, SALARIES)

formats = st.none() | st.sampled_from(TokenFormat)
algorithms = st.none() | st.sampled_from([SigningAlgorithm.ES256, SigningAlgorithm.RS256])
grants = st.sampled_from(
    [*([frozenset(GrantType)] * 4), *(frozenset({grant_type}) for grant_type in GrantType)]
)
seconds = st.integers(1, 10_000).map(lambda count: timedelta(seconds=count))
rarely = st.sampled_from([False, False, False, False, True])
known_scopes = st.sets(st.sampled_from(KNOWN)).map(Scope.of)
by_grant = st.dictionaries(st.sampled_from(GrantType), seconds, max_size=2)

policies = st.builds(
    TokenPolicy,
    issuer=st.just(ISSUER),
    lifetimes=st.builds(
        Lifetimes,
        access_token_ttl=ttls,
        by_grant=by_grant,
        refresh_token_ttl=ttls,
        refresh_token_max_age=ttls,
    ),
    token_format=st.sampled_from(TokenFormat),
    signing_algorithm=st.sampled_from(SigningAlgorithm),
    require_scope=st.booleans(),
    grant_types=grants,
)
declarations = st.builds(
    DeclaredPolicy,
    access_token_ttl=ttls,
    grant_access_token_ttl=by_grant,
    refresh_token_ttl=ttls,
    token_format=formats,
    signing_algorithm=algorithms,
    require_scope=st.none() | st.booleans(),
)


@st.composite
def catalogued_resources(draw: st.DrawFn) -> list[Resource]:
    return [
        Resource(
            resource_id=name,
            token_format=draw(formats),
            signing_algorithm=draw(algorithms),
            access_token_ttl=draw(ttls),
            disabled=draw(rarely),
        )
        for name in RESOURCES
    ]


@st.composite
def catalogued_scopes(draw: st.DrawFn) -> list[ScopeDefinition]:
    return [replace(definition, disabled=draw(rarely)) for definition in SCOPES]


@st.composite
def registrations(draw: st.DrawFn) -> Client:
    grant_types = draw(grants)
    is_public = draw(rarely)
    scope = draw(st.just(Scope.of(KNOWN)) | known_scopes) - (RESERVED if is_public else Scope())
    methods = {AuthMethod.NONE} if is_public else {AuthMethod.CLIENT_SECRET_BASIC}
    return draft(
        auth_methods=frozenset(methods),
        grant_types=grant_types,
        scope=scope,
        default_scope=scope & draw(known_scopes) - RESERVED,
        audiences=frozenset(draw(st.lists(st.sampled_from(RESOURCES)))),
        default_audience=draw(st.none() | st.sampled_from([*RESOURCES, ResourceId(ISSUER)])),
        issue_refresh_token=grant_types == set(GrantType) and draw(st.booleans()),
        token_format=draw(formats),
        signing_algorithm=draw(algorithms),
        access_token_ttl=draw(ttls),
        refresh_token_ttl=draw(ttls),
        refresh_token_max_age=draw(ttls),
    )


@dataclass(frozen=True)
class World:
    """A server in some state, and a client of it."""

    registration: Client
    scopes: list[ScopeDefinition]
    resources: list[Resource]
    policy: TokenPolicy
    declared: DeclaredPolicy
    allows_public: bool
    is_disabled: bool
    key_ends: timedelta | None


worlds = st.builds(
    World,
    registration=registrations(),
    scopes=catalogued_scopes(),
    resources=catalogued_resources(),
    policy=policies,
    declared=declarations,
    allows_public=st.booleans(),
    is_disabled=rarely,
    key_ends=st.none() | seconds,
)
asked_scopes = (
    st.none()
    | st.lists(st.sampled_from(["invoices.read", "invoices.write", "profile"]), min_size=1)
    | st.lists(st.sampled_from([*KNOWN, "unknown", 'mal"formed']), min_size=1, max_size=3)
)
asked_resources = st.lists(st.sampled_from([*RESOURCES, ISSUER]), max_size=1) | st.lists(
    st.sampled_from([*RESOURCES, ISSUER, "https://unknown.example", "malformed"]), max_size=2
)


async def built(world: World) -> HandWiredCore:
    pinned = SigningKey(
        key_id=KeyId("pinned"),
        algorithm=SigningAlgorithm.ES256,
        schedule=KeySchedule(
            activate_at=NOW - DAY,
            remove_at=NOW + world.key_ends if world.key_ends is not None else None,
        ),
        material=b"pinned",
    )
    return await build_core(
        policy=world.policy,
        grants=world.policy.grant_types,
        scopes=world.scopes,
        resources=world.resources,
        pinned=[pinned],
        allow_public_client_credentials=world.allows_public,
    )


async def outcome(issuing: Awaitable[IssuedToken]) -> IssuedToken | GrantdError:
    try:
        return await issuing
    except GrantdError as refusal:
        return refusal


@settings(max_examples=300)
@given(
    world=worlds,
    grant_type=st.sampled_from(
        [*([GrantType.CLIENT_CREDENTIALS] * 8), "refresh_token", "password"]
    ),
    scope=asked_scopes,
    resources=asked_resources,
)
async def test_what_is_explained_is_what_is_issued(
    world: World, grant_type: str, scope: list[str] | None, resources: list[str]
) -> None:
    core = await built(world)
    credentials = await core.register(world.registration)
    if world.is_disabled:
        await core.administer_clients.disable(credentials.client_id)
    catalogue = await core.stores.catalogue.load()
    await core.stores.catalogue.replace(replace(catalogue, policy=world.declared), seen=catalogue)
    question = Question(
        client_id=credentials.client_id,
        grant_type=grant_type,
        scope=tuple(scope) if scope is not None else None,
        resources=tuple(resources),
    )

    explained = await core.explain_token(question)

    events = len(core.audit.events)
    issued = await outcome(
        core.issue(
            credentials,
            grant_type,
            scope=" ".join(scope) if scope is not None else None,
            resources=resources,
        )
    )
    if isinstance(issued, GrantdError):
        assert explained.offer is None
        assert explained.refusal is not None
        assert explained.refusal.code is issued.code
        return

    offer = explained.offer
    assert explained.refusal is None
    assert offer is not None
    assert len(core.audit.events) == events + 1, "explaining is no event, issuing is one"
    assert offer.scope == issued.scope
    assert offer.lifetime.value == issued.expires_in
    assert (offer.refresh_token is RefreshRule.REGISTERED) is (issued.refresh_token is not None)
    assert (offer.token_format.value is TokenFormat.OPAQUE) is is_opaque(issued.access_token)
    granted = {one.token for one in explained.scopes if one.rule.grants}
    assert granted == set(offer.scope)
    auditor = await core.register(draft("auditor", introspect_any=True))
    answer = await core.introspect(auditor, issued.access_token)
    assert isinstance(answer, ActiveAccessToken)
    assert answer.claims.audience == offer.audience.value
    assert answer.claims.subject == offer.subject
    if offer.key_id is not None:
        assert issued.access_token.startswith(f"{offer.key_id}.")
