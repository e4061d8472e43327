"""What is administered survives its way through a message."""

from dataclasses import fields, replace
from datetime import datetime
from typing import cast, get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from adapters.admin_messages import clients as client_messages
from adapters.admin_messages import keys as key_messages
from adapters.admin_messages import resources as resource_messages
from domain.model.assertions import AssertionAlgorithm
from domain.model.clients import Client
from domain.model.credentials import ClientSecret, RegisteredSecret, SecretHash
from domain.model.identifiers import ClientId, Epoch, ResourceId
from domain.model.keys import KeyId, KeySchedule, KeyState, SigningAlgorithm
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition
from domain.model.secret_lives import Deletion
from domain.model.tokens import TokenFormat
from domain.model.usage import LastUse, UseKind
from domain.usecases.administer_catalogue import ResourceChanges, ScopeChanges
from domain.usecases.administer_clients import ClientChanges, NewClient
from domain.usecases.administer_keys import KeyStanding
from domain.usecases.administer_secrets import SecretStanding
from grantd.admin.v1 import client_service_pb2, resource_service_pb2
from support.domain_strategies import (
    clients,
    future,
    ids,
    past,
    registered_secrets,
    resource_ids,
    scopes,
    ttls,
)

switches = st.booleans()
any_client = st.builds(
    replace,
    clients,
    jwks_uri=st.none() | st.just("https://keys.example/jwks.json"),
    assertion_algorithm=st.none() | st.sampled_from(AssertionAlgorithm),
    introspection_signed_response_alg=st.sampled_from(SigningAlgorithm),
    accept_token_endpoint_audience=switches,
    accept_raw_basic_credentials=switches,
)
scope_definitions = st.builds(
    ScopeDefinition,
    token=scopes.filter(len).map(lambda scope: scope.values[0]),
    description=st.text(),
    resource=st.none() | resource_ids,
    disabled=switches,
)
any_resource = st.builds(
    Resource,
    resource_id=st.builds(
        ResourceId,
        st.from_regex(r"https://[a-z]{1,9}\.example/\w{0,5}", fullmatch=True).filter(str.isascii),
    ),
    name=st.text(),
    token_format=st.none() | st.sampled_from(TokenFormat),
    signing_algorithm=st.none() | st.sampled_from(SigningAlgorithm),
    access_token_ttl=ttls,
    disabled=switches,
)
key_standings = st.builds(
    KeyStanding,
    key_id=st.builds(KeyId, ids),
    algorithm=st.sampled_from(SigningAlgorithm),
    state=st.sampled_from(KeyState),
    schedule=st.builds(
        KeySchedule,
        activate_at=past,
        retire_at=st.none() | future,
        remove_at=st.none() | future,
    ),
    pinned=switches,
)
last_uses = st.builds(
    LastUse,
    kind=st.just(UseKind.SECRET),
    name=st.just(""),
    first_at=past,
    at=future,
    source=st.text(),
)


def as_shown(secret: RegisteredSecret) -> RegisteredSecret:
    sealed = b"" if secret.sealed is not None else None
    return replace(secret, hash=SecretHash(""), sealed=sealed)


@given(any_client)
def test_a_client_is_shown_as_it_is_but_for_what_never_leaves_the_server(client: Client) -> None:
    """Its epoch and the hashes of its secrets do not."""
    message = client_messages.write_client(client)

    shown = replace(
        client, epoch=Epoch(""), secrets=tuple(as_shown(secret) for secret in client.secrets)
    )
    assert (
        client_messages.read_client(type(message).FromString(message.SerializeToString())) == shown
    )


@given(any_client, st.none() | ids, st.none() | future)
def test_a_new_client_arrives_as_it_is_wanted(
    client: Client, secret: str | None, expires_at: datetime | None
) -> None:
    """Its id too; what the server sets is the server's."""
    draft = replace(client, secrets=(), disabled=False, version=1)
    wanted = NewClient(
        draft=draft,
        secret=ClientSecret(secret) if secret else None,
        secret_expires_at=expires_at,
    )
    message = client_messages.write_new_client(wanted)

    arrived = client_messages.read_new_client(
        message, client_id=ClientId("made-up"), epoch=client.epoch, created_at=client.created_at
    )
    assert arrived.draft == draft
    assert arrived.secret_expires_at == wanted.secret_expires_at
    assert (arrived.secret.reveal() if arrived.secret else None) == (secret or None)


@given(any_client, st.sets(st.sampled_from(sorted(get_type_hints(ClientChanges)))))
def test_changes_arrive_as_they_were_sent(client: Client, changing: set[str]) -> None:
    """These and no others, whatever their values, also those that take something away."""
    changes = cast("ClientChanges", {name: getattr(client, name) for name in changing})
    message = client_messages.write_changes(client.client_id, changes)
    message.new_secret = True

    assert client_messages.read_changes(message) == changes
    assert message.client.client_id == client.client_id


@given(any_resource)
def test_a_resource_is_shown_as_it_is(resource: Resource) -> None:
    """Disabled or not."""
    message = resource_messages.write_resource(resource)

    assert resource_messages.read_resource(message) == resource
    assert resource_messages.read_new_resource(message) == replace(resource, disabled=False)


@given(scope_definitions)
def test_a_scope_is_shown_as_it_is(scope: ScopeDefinition) -> None:
    """Disabled or not."""
    message = resource_messages.write_scope(scope)

    assert resource_messages.read_scope(message) == scope
    assert resource_messages.read_new_scope(message) == replace(scope, disabled=False)


@given(key_standings)
def test_a_key_is_shown_as_it_stands(standing: KeyStanding) -> None:
    """Whatever its schedule."""
    assert key_messages.read_standing(key_messages.write_standing(standing)) == standing


@given(registered_secrets, st.none() | last_uses, st.builds(Deletion, switches, st.text()))
def test_a_secret_is_shown_as_it_stands(
    secret: RegisteredSecret, last_use: LastUse | None, deletion: Deletion
) -> None:
    """With its last use, and whether anybody needs it."""
    named = replace(last_use, name=secret.secret_id) if last_use is not None else None
    standing = SecretStanding(secret, named, deletion)

    shown = client_messages.read_standing(client_messages.write_standing(standing))

    assert shown == replace(standing, secret=as_shown(secret))


def test_every_attribute_of_a_client_has_a_place_in_the_message() -> None:
    """A new attribute that nobody could see or set fails here."""
    elsewhere = {"client_id", "epoch", "created_at", "version", "disabled", "secrets"}
    told = {field.attribute for field in (*client_messages.SETTLED, *client_messages.CHANGEABLE)}

    assert told == {field.name for field in fields(Client)} - elsewhere
    assert {field.attribute for field in client_messages.CHANGEABLE} == set(
        get_type_hints(ClientChanges)
    )


def test_every_attribute_of_a_resource_and_a_scope_has_a_place_in_the_message() -> None:
    """Likewise; what can change is what the use case can change."""
    of_resources = {field.attribute for field in resource_messages.OF_RESOURCES}
    of_scopes = {field.attribute for field in resource_messages.OF_SCOPES}

    assert of_resources == set(get_type_hints(ResourceChanges))
    assert of_resources | {"resource_id", "disabled"} == {one.name for one in fields(Resource)}
    assert of_scopes == set(get_type_hints(ScopeChanges))
    assert of_scopes | {"token", "disabled"} == {one.name for one in fields(ScopeDefinition)}


def test_a_field_is_named_in_the_contract() -> None:
    """A typing error in a table would refuse every message."""
    client = client_service_pb2.Client.DESCRIPTOR.fields_by_name
    assert {field.name for field in client_messages.CHANGEABLE} < set(client)
    resource = resource_service_pb2.Resource.DESCRIPTOR.fields_by_name
    assert {field.name for field in resource_messages.OF_RESOURCES} < set(resource)
    scope = resource_service_pb2.Scope.DESCRIPTOR.fields_by_name
    assert {field.name for field in resource_messages.OF_SCOPES} < set(scope)


def test_no_message_shows_a_secret_twice() -> None:
    """A client has no field for one; three answers and two questions have."""
    assert "client_secret" not in client_service_pb2.Client.DESCRIPTOR.fields_by_name
    having = {
        name
        for name, message in client_service_pb2.DESCRIPTOR.message_types_by_name.items()
        if "client_secret" in message.fields_by_name
    }
    assert having == {
        "CreateClientRequest",
        "CreateClientResponse",
        "UpdateClientResponse",
        "AddClientSecretResponse",
        "RotateClientSecretResponse",
    }
