from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.etags import etag_of
from domain.model.keys import SigningAlgorithm
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition, ScopeToken
from domain.model.tokens import TokenFormat
from support.domain_samples import HOUR, INVOICES
from support.domain_strategies import resource_ids, ttls

SCOPE = ScopeDefinition(token=ScopeToken("read"), description="Read", resource=INVOICES)
RESOURCE = Resource(
    resource_id=INVOICES,
    name="Invoices",
    token_format=TokenFormat.JWT,
    signing_algorithm=SigningAlgorithm.ES256,
    access_token_ttl=HOUR,
)

scopes = st.builds(
    ScopeDefinition,
    token=st.sampled_from(["read", "write"]).map(ScopeToken),
    description=st.text(max_size=3),
    resource=st.none() | resource_ids,
    disabled=st.booleans(),
)
resources = st.builds(
    Resource,
    resource_id=resource_ids,
    name=st.text(max_size=3),
    token_format=st.none() | st.sampled_from(TokenFormat),
    signing_algorithm=st.none() | st.sampled_from(SigningAlgorithm),
    access_token_ttl=ttls,
    disabled=st.booleans(),
)
entries = scopes | resources


@pytest.mark.parametrize(
    "other",
    [
        replace(SCOPE, description="read"),
        replace(SCOPE, description=""),
        replace(SCOPE, resource=None),
        replace(SCOPE, disabled=True),
        replace(RESOURCE, name=""),
        replace(RESOURCE, token_format=TokenFormat.OPAQUE),
        replace(RESOURCE, signing_algorithm=None),
        replace(RESOURCE, access_token_ttl=timedelta(minutes=59)),
        replace(RESOURCE, disabled=True),
    ],
)
def test_whatever_changes_changes_the_etag(other: ScopeDefinition | Resource) -> None:
    assert etag_of(other) not in (etag_of(SCOPE), etag_of(RESOURCE))


@given(one=entries, other=entries)
def test_entries_that_say_the_same_have_one_etag(
    one: ScopeDefinition | Resource, other: ScopeDefinition | Resource
) -> None:
    assert (etag_of(one) == etag_of(other)) is (one == other)


def test_an_etag_is_the_same_on_every_node_and_release() -> None:
    """A tag that was read yesterday is good today."""
    assert etag_of(SCOPE) == "454e589a09905c71"
