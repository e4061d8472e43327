"""What is issued is within what may be granted, and is what introspection says."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import GrantdError, InvalidScope
from domain.model.catalogue import Catalogue, CatalogueVersion
from domain.model.clients import Client, Subject
from domain.model.identifiers import Owner, ResourceId
from domain.model.introspection import ActiveAccessToken
from domain.model.keys import Keyring
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from domain.model.tokens import TokenFormat
from domain.usecases.token_policy import Ceiling
from support.core import POLICY, SALARIES, SCOPES, build_core, draft
from support.domain_samples import INVOICES, ISSUER
from support.domain_strategies import scopes, ttls

TOKENS = sorted(definition.token for definition in SCOPES)
RESOURCES = (INVOICES, SALARIES)

known_scopes = st.sets(st.sampled_from(TOKENS)).map(Scope.of)
some_resources = st.lists(st.sampled_from(RESOURCES), unique=True, max_size=2)


@st.composite
def registrations(draw: st.DrawFn) -> Client:
    scope = draw(known_scopes)
    return draft(
        scope=scope,
        default_scope=scope & draw(known_scopes),
        audiences=frozenset(draw(some_resources)),
        default_audience=draw(st.none() | st.sampled_from(RESOURCES)),
        owner=Owner("ada"),
        subject=draw(st.sampled_from(Subject)),
        issue_refresh_token=draw(st.booleans()),
        token_format=draw(st.sampled_from(TokenFormat)),
        access_token_ttl=draw(ttls),
        refresh_token_ttl=draw(ttls),
        refresh_token_max_age=draw(ttls),
    )


def catalogue_of(scope: Scope) -> Catalogue:
    return Catalogue(
        version=CatalogueVersion(1),
        scopes={ScopeToken(token): ScopeDefinition(token=token) for token in scope},
        resources={},
        keyring=Keyring(signing=(), refresh_macs=(), peppers=()),
    )


@given(ceiling=scopes, default=scopes, requested=st.none() | scopes)
def test_scope_is_what_was_asked_for_and_never_beyond_the_ceiling(
    ceiling: Scope, default: Scope, requested: Scope | None
) -> None:
    """Neither a client nor a refresh gets more, and neither gets silently less."""
    most = Ceiling(scope=ceiling, default_scope=default & ceiling)
    asked = requested.values if requested is not None else None

    try:
        settled = POLICY.settle_scope(asked, (), most, catalogue_of(ceiling))
    except InvalidScope:
        assert requested is not None
        assert not requested <= ceiling
        return

    assert settled <= ceiling
    assert settled == (requested if requested is not None else most.default_scope)


@given(registration=registrations(), scope=st.none() | known_scopes, resources=some_resources)
async def test_introspection_says_what_was_issued(
    registration: Client, scope: Scope | None, resources: list[ResourceId]
) -> None:
    core = await build_core()
    credentials = await core.register(registration)

    try:
        issued = await core.issue(credentials, scope=str(scope or "") or None, resources=resources)
    except GrantdError:
        return

    answer = await core.introspect(credentials, issued.access_token)
    assert isinstance(answer, ActiveAccessToken)
    claims = answer.claims
    assert claims.scope == issued.scope
    assert claims.scope <= registration.scope
    assert claims.expires_at - claims.issued_at == issued.expires_in
    assert set(claims.audience) <= {*RESOURCES, ISSUER}
    assert (claims.issuer, claims.client_id) == (ISSUER, registration.client_id)
    assert claims.subject == registration.token_subject
    assert (claims.family is None) is (issued.refresh_token is None)
    if registration.access_token_ttl is not None:
        assert issued.expires_in <= registration.access_token_ttl


@given(registration=registrations(), requested=known_scopes)
async def test_a_refresh_gives_what_was_granted_or_less(
    registration: Client, requested: Scope
) -> None:
    """Whatever is asked for: more is refused, and the refusal consumes nothing."""
    core = await build_core()
    credentials = await core.register(
        replace(registration, default_audience=INVOICES, issue_refresh_token=True)
    )
    try:
        granted = await core.issue(credentials)
    except InvalidScope:
        return
    refresh_token = granted.refresh_token

    try:
        refreshed = await core.refresh(credentials, refresh_token, scope=str(requested) or None)
    except InvalidScope:
        assert not requested <= granted.scope
        refreshed = await core.refresh(credentials, refresh_token)
        assert refreshed.scope == granted.scope
    else:
        assert refreshed.scope == (requested or granted.scope)
        refresh_token = refreshed.refresh_token
        assert (await core.refresh(credentials, refresh_token)).scope == granted.scope
