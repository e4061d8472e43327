import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.imports import keycloak
from domain.errors import UnreadableExport
from domain.model.credentials import AuthMethod
from support.imports import by_id, export, secret_of


def read_one(**members: Any) -> Any:  # noqa: ANN401  (as JSON has them)
    [client] = keycloak.read(json.dumps({"clientId": "press", **members}).encode())
    return client


def test_the_export_of_a_realm_is_read() -> None:
    """Scopes that every realm has mean nothing here."""
    clients = by_id(keycloak.read(export("keycloak-realm.json")))

    press, lathe = clients["press"], clients["lathe"]
    assert press.place == "clients[0]"
    assert press.name == "Press"
    assert press.grant_types == ("client_credentials",)
    assert press.scope == ("press.run", "press.clean")
    assert press.default_scope == ("press.run",)
    assert press.access_token_ttl == timedelta(minutes=15)
    assert press.secret_is_clear
    assert lathe.issue_refresh_token
    assert lathe.grant_types == ("client_credentials", "refresh_token", "password")
    assert lathe.not_taken == ("redirectUris",)
    assert clients["stopped"].disabled
    assert clients["asserting"].jwks_uri == "https://asserting.example/jwks"
    assert clients["shared"].auth_methods == {AuthMethod.CLIENT_SECRET_JWT}


@pytest.mark.parametrize(
    ("client_id", "flaw"),
    [
        ("masked", "masked"),
        ("vaulted", "vault"),
        ("certified", "clientAuthenticatorType"),
        ("account", "public"),
        ("realm-management", "bearer-only"),
        ("urn:sp", "openid-connect"),
    ],
)
def test_what_cannot_come_along_says_why(client_id: str, flaw: str) -> None:
    clients = by_id(keycloak.read(export("keycloak-realm.json")))

    assert flaw in clients[client_id].flaw


def test_the_export_of_one_client_is_read() -> None:
    [client] = keycloak.read(export("keycloak-client.json"))

    assert (client.client_id, secret_of(client)) == ("single", "of a single client")


def test_keys_may_stand_in_an_attribute() -> None:
    attributes = {"use.jwks.string": "true", "jwks.string": '{"keys":[]}'}

    assert read_one(attributes=attributes).jwks == {"keys": []}


def test_a_rotated_secret_is_named_and_left() -> None:
    """It is about to end there, and its end is not in the export."""
    client = read_one(attributes={"client.secret.rotated": "the one before"})

    assert client.not_taken == ("client.secret.rotated",)


@pytest.mark.parametrize("text", ["", "-1", "0"])
def test_no_lifespan_of_its_own_is_none(text: str) -> None:
    assert read_one(attributes={"access.token.lifespan": text}).access_token_ttl is None


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"clientId": 1}, "clientId: a text"),
        ({"enabled": "yes"}, "enabled: true or false"),
        ({"attributes": []}, "attributes: an object"),
        ({"attributes": {"access.token.lifespan": 300}}, "access.token.lifespan: a text"),
        ({"attributes": {"access.token.lifespan": "soon"}}, "a number of seconds"),
        ({"attributes": {"access.token.lifespan": "9" * 400}}, "a number of seconds"),
        ({"attributes": {"use.jwks.string": "true", "jwks.string": "{"}}, "jwks.string"),
        ({"defaultClientScopes": "a"}, "defaultClientScopes: a list"),
    ],
)
def test_a_member_of_another_type_is_refused_with_its_place(
    members: dict[str, Any], named: str
) -> None:
    with pytest.raises(UnreadableExport) as refusal:
        read_one(**members)

    assert named in refusal.value.hint
