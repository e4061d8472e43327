"""Hypothesis strategies for values that stores keep."""

import string
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from domain.model.clients import Client, GrantType, Subject
from domain.model.credentials import AuthMethod, RegisteredSecret, SecretHash, SecretId
from domain.model.families import Generation, RefreshFamily
from domain.model.identifiers import (
    ClientId,
    Epoch,
    FamilyId,
    Owner,
    ResourceId,
    TokenId,
    bucket_of,
)
from domain.model.keys import SigningAlgorithm
from domain.model.scopes import Scope
from domain.model.tokens import AccessTokenClaims, FamilyMark, TokenFormat
from support.domain_samples import DAY, NOW

_BASE64URL = string.ascii_letters + string.digits + "-_"
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_SCOPE_CHARACTERS = "".join(c for c in _PRINTABLE if c not in ' "\\')
_HIGHEST_GENERATION = 10**15 - 1

ids = st.text(_PRINTABLE, min_size=1, max_size=40)
scopes = st.sets(st.text(_SCOPE_CHARACTERS, min_size=1, max_size=12), max_size=5).map(Scope.of)
resource_ids = st.builds(ResourceId, st.from_regex(r"https://[a-z]{1,9}\.example/\w{0,5}"))
ttls = st.none() | st.integers(1, 10**9).map(lambda seconds: timedelta(seconds=seconds))
_past = st.datetimes(datetime(2000, 1, 1), NOW.replace(tzinfo=None), timezones=st.just(UTC))  # noqa: DTZ001  (Hypothesis wants bounds without a zone)
past = _past.map(lambda time: time.replace(microsecond=time.microsecond // 1_000 * 1_000))
future = st.integers(1, 10**11).map(lambda ms: NOW + DAY + timedelta(milliseconds=ms))
whole_seconds_ahead = st.integers(1, 10**8).map(lambda s: NOW + DAY + timedelta(seconds=s))
epochs = st.builds(Epoch, st.text(_BASE64URL, min_size=16, max_size=16))


def _made_for(owner: str) -> st.SearchStrategy[str]:
    return st.text(_BASE64URL, min_size=22, max_size=22).map(lambda tail: bucket_of(owner) + tail)


registered_secrets = st.builds(
    RegisteredSecret,
    secret_id=st.builds(SecretId, st.text("0123456789abcdef", min_size=8, max_size=8)),
    hash=st.builds(SecretHash, st.text(min_size=1)),
    created_at=past,
    label=st.text(),
    imported=st.booleans(),
    expires_at=st.none() | future,
)

clients = st.builds(
    Client,
    client_id=st.builds(ClientId, ids),
    epoch=epochs,
    created_at=past,
    version=st.integers(1, 2**31),
    name=st.text(),
    disabled=st.booleans(),
    auth_methods=st.frozensets(st.sampled_from(AuthMethod)),
    secrets=st.lists(registered_secrets, max_size=3).map(tuple),
    grant_types=st.frozensets(st.sampled_from(GrantType)),
    scope=scopes,
    default_scope=scopes,
    audiences=st.frozensets(resource_ids, max_size=3),
    default_audience=st.none() | resource_ids,
    serves=st.frozensets(resource_ids, max_size=3),
    introspect_any=st.booleans(),
    owner=st.none() | st.builds(Owner, ids),
    subject=st.sampled_from(Subject),
    issue_refresh_token=st.booleans(),
    token_format=st.none() | st.sampled_from(TokenFormat),
    signing_algorithm=st.none() | st.sampled_from(SigningAlgorithm),
    access_token_ttl=ttls,
    refresh_token_ttl=ttls,
    refresh_token_max_age=ttls,
    refresh_grace=st.none() | st.just(timedelta()) | ttls,
).filter(lambda client: client.client_id != str(client.owner))


@st.composite
def families(draw: st.DrawFn) -> RefreshFamily:
    owner = ClientId(draw(ids))
    return RefreshFamily(
        family_id=FamilyId(draw(_made_for(owner))),
        owner=owner,
        epoch=draw(epochs),
        scope=draw(scopes),
        audience=draw(st.lists(resource_ids, max_size=3).map(tuple)),
        created_at=draw(past),
        expires_at=draw(future),
        must_end_by=draw(st.none() | future),
        generation=Generation(draw(st.integers(1, _HIGHEST_GENERATION))),
    )


@st.composite
def access_token_claims(draw: st.DrawFn) -> AccessTokenClaims:
    client_id = ClientId(draw(ids))
    owner = draw(st.none() | st.builds(Owner, ids))
    mark = st.builds(
        FamilyMark,
        family_id=st.builds(FamilyId, _made_for(client_id)),
        generation=st.integers(1, _HIGHEST_GENERATION),
    )
    return AccessTokenClaims(
        issuer=draw(st.sampled_from(["https://id.example", "http://127.0.0.1:8080"])),
        subject=draw(st.sampled_from([client_id, owner or client_id])),
        audience=draw(st.lists(resource_ids, min_size=1, max_size=3).map(tuple)),
        client_id=client_id,
        scope=draw(scopes),
        issued_at=NOW,
        expires_at=draw(whole_seconds_ahead),
        token_id=TokenId(draw(_made_for(client_id))),
        epoch=draw(epochs),
        owner=owner,
        family=draw(st.none() | mark),
    )
