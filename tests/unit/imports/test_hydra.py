import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.imports import hydra
from domain.errors import UnreadableExport
from domain.model.credentials import AuthMethod
from domain.model.tokens import TokenFormat
from support.imports import by_id, export, secret_of


def read_one(**members: Any) -> Any:  # noqa: ANN401  (as JSON has them)
    [client] = hydra.read(json.dumps({"client_id": "shop", **members}).encode())
    return client


def test_a_list_of_clients_is_read() -> None:
    clients = by_id(hydra.read(export("hydra.json")))

    shop, signer = clients["shop"], clients["signer"]
    assert shop.place == "items[0]"
    assert shop.name == "Shop"
    assert shop.auth_methods == {AuthMethod.CLIENT_SECRET_BASIC}
    assert shop.scope == ("cart.read", "offline_access", "openid")
    assert shop.default_scope == ()
    assert shop.audiences == ("https://cart.example",)
    assert shop.owner == "bob"
    assert shop.access_token_ttl == timedelta(minutes=90)
    assert shop.token_format is TokenFormat.OPAQUE
    assert shop.not_taken == ()
    assert signer.auth_methods == {AuthMethod.PRIVATE_KEY_JWT}
    assert signer.assertion_algorithm == "ES256"
    assert signer.jwks is not None
    assert clients["oldshop"].not_taken == ("redirect_uris",)
    assert clients["listed"].secret is None
    assert "public" in clients["browser"].flaw


@pytest.mark.parametrize(
    "wrap", [lambda one: one, lambda one: [one], lambda one: {"clients": [one]}]
)
def test_one_client_may_stand_alone_or_in_a_list(wrap: Any) -> None:  # noqa: ANN401  (a lambda)
    document = {"client_id": "shop", "client_secret": "of the shop"}

    [client] = hydra.read(json.dumps(wrap(document)).encode())

    assert (client.client_id, secret_of(client)) == ("shop", "of the shop")


def test_what_is_left_out_is_as_hydra_has_it() -> None:
    """No grant types are none of ours there; no method is HTTP Basic."""
    client = read_one()

    assert client.grant_types == ()
    assert client.auth_methods == {AuthMethod.CLIENT_SECRET_BASIC}
    assert client.access_token_ttl is client.token_format is client.secret_expires_at is None


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"client_id": 1}, "client_id: a text"),
        ({"grant_types": "client_credentials"}, "grant_types: a list of texts"),
        ({"grant_types": [1]}, "grant_types: a list of texts"),
        ({"scope": ["a"]}, "scope: a text"),
        ({"client_secret": {}}, "client_secret: a text"),
        ({"client_secret_expires_at": True}, "client_secret_expires_at: a whole number"),
        ({"client_secret_expires_at": -1}, "client_secret_expires_at"),
        ({"client_secret_expires_at": 10**17}, "client_secret_expires_at"),
        ({"access_token_strategy": "other"}, "access_token_strategy: jwt or opaque"),
        ({"client_credentials_grant_access_token_lifespan": "soon"}, "lifespan: a duration"),
        ({"client_credentials_grant_access_token_lifespan": "9999999h"}, "hundred years"),
    ],
)
def test_a_member_of_another_type_is_refused_with_its_place(
    members: dict[str, Any], named: str
) -> None:
    """Such a file is not Hydra's."""
    with pytest.raises(UnreadableExport) as refusal:
        read_one(**members)

    assert refusal.value.hint.startswith("the client: ")
    assert named in refusal.value.hint


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "line 1"),
        (b"{\n\n}}", "line 3"),
        (b"null", "neither a client"),
        (b"{}", "neither a client"),
        (b'{"items":{}}', "neither a client"),
        (b"[1]", "[0] is not an object"),
        (b'{"client_id":"a","client_id":"b"}', "a member twice"),
        (b'{"client_id":NaN}', "NaN is not a number"),
        (b'{"client_id":"\\ud800"}', "UTF-8"),
        (b"\xff", "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5_000, "too large"),
        (json.dumps([{}] * 10_001).encode(), "more than 10000 clients"),
    ],
)
def test_what_is_no_export_is_refused_with_its_line(content: bytes, hint: str) -> None:
    with pytest.raises(UnreadableExport) as refusal:
        hydra.read(content)

    assert hint in refusal.value.hint
