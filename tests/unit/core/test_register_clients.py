from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import InvalidRegistration
from domain.model.assertions import AssertionAlgorithm
from domain.model.client_keys import read_client_keys
from domain.model.clients import Client, GrantType, Subject
from domain.model.credentials import AuthMethod
from domain.model.identifiers import ClientId, Epoch, Owner, ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from domain.usecases.register_clients import Registration, read_metadata
from support.domain_samples import INVOICES, NOW

MADE_UP = ClientId("made-up")
EPOCH = Epoch("epoch")
JWKS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "A" * 42 + "E"}]}
BY_KEY = {"token_endpoint_auth_method": "private_key_jwt"}


def read(**metadata: Any) -> Registration:  # noqa: ANN401  (as JSON has them)
    return read_metadata(metadata, client_id=MADE_UP, epoch=EPOCH, created_at=NOW)


def client(**changes: Any) -> Client:  # noqa: ANN401  (likewise)
    plain: dict[str, Any] = {
        "client_id": MADE_UP,
        "epoch": EPOCH,
        "created_at": NOW,
        "auth_methods": frozenset({AuthMethod.CLIENT_SECRET_BASIC}),
        "grant_types": frozenset({GrantType.CLIENT_CREDENTIALS}),
    }
    return Client(**plain | changes)


def test_what_is_left_out_or_null_has_the_usual_values() -> None:
    """The authentication method's is that of RFC 7591 §2."""
    assert read().wanted.draft == client() == read(scope=None, jwks=None).wanted.draft
    assert (read().wanted.secret, read().wanted.secret_expires_at) == (None, None)
    assert read().not_taken == ()


def test_every_member_reaches_the_client() -> None:
    """The standard ones by their names in RFC 7591 §2 and RFC 9701 §6, ours by the settings'."""
    registration = read(
        client_id="ledger",
        client_name="Das Große Buch",
        client_secret="x" * 40,
        client_secret_expires_at=2_000_000_000,
        token_endpoint_auth_method="client_secret_jwt",
        auth_methods=["client_secret_basic", "client_secret_jwt"],
        token_endpoint_auth_signing_alg="HS256",
        grant_types=["client_credentials", "refresh_token"],
        scope="b a",
        introspection_signed_response_alg="ES256",
        default_scope="a",
        audiences=[INVOICES],
        default_audience=INVOICES,
        serves=[INVOICES],
        introspect_any=True,
        owner="ada",
        subject="owner",
        issue_refresh_token=True,
        access_token_ttl="PT5M",
        refresh_token_ttl="7d",
        refresh_token_max_age="30d",
        refresh_grace="0s",
        token_format="opaque",
        signing_algorithm="RS256",
        accept_token_endpoint_audience=True,
    )

    invoices = frozenset({ResourceId(INVOICES)})
    assert registration.wanted.draft == client(
        client_id="ledger",
        name="Das Große Buch",
        auth_methods=frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_JWT}),
        assertion_algorithm=AssertionAlgorithm.HS256,
        grant_types=frozenset(GrantType),
        scope=Scope.parse("a b"),
        introspection_signed_response_alg=SigningAlgorithm.ES256,
        default_scope=Scope.parse("a"),
        audiences=invoices,
        default_audience=INVOICES,
        serves=invoices,
        introspect_any=True,
        owner=Owner("ada"),
        subject=Subject.OWNER,
        issue_refresh_token=True,
        access_token_ttl=timedelta(minutes=5),
        refresh_token_ttl=timedelta(days=7),
        refresh_token_max_age=timedelta(days=30),
        refresh_grace=timedelta(),
        token_format=TokenFormat.OPAQUE,
        signing_algorithm=SigningAlgorithm.RS256,
        accept_token_endpoint_audience=True,
    )
    assert registration.wanted.secret is not None
    assert registration.wanted.secret.reveal() == "x" * 40
    assert registration.wanted.secret_expires_at == datetime.fromtimestamp(2_000_000_000, UTC)
    assert registration.not_taken == ()


def test_keys_are_kept_inline_or_by_their_place() -> None:
    by_key = {"auth_methods": frozenset({AuthMethod.PRIVATE_KEY_JWT})}
    uri = "https://keys.example/jwks"

    assert read(**BY_KEY, jwks=JWKS).wanted.draft == client(
        **by_key, jwks=read_client_keys(JWKS).text
    )
    assert read(**BY_KEY, jwks_uri=uri).wanted.draft == client(**by_key, jwks_uri=uri)


def test_a_secret_that_never_expires_is_registered_with_0() -> None:
    """RFC 7591 §3.2.1."""
    assert read(client_secret_expires_at=0).wanted.secret_expires_at is None


def test_what_means_nothing_here_is_named_and_not_kept() -> None:
    registration = read(
        **BY_KEY,
        redirect_uris=["https://a.example"],
        response_types=["code"],
        jwks={"keys": [JWKS["keys"][0] | {"x5t": "…"}]},
        grant_types=["authorization_code", "client_credentials"],
        contacts=None,
        **{"client_name#de": "Buch", "\x1b[2J": 1},
    )

    assert registration.not_taken == (
        "redirect_uris",
        "response_types",
        "client_name#de",
        "?[2J",
        "grant_types: authorization_code",
        "jwks: x5t",
    )
    assert registration.wanted.draft == client(
        auth_methods=frozenset({AuthMethod.PRIVATE_KEY_JWT}), jwks=read_client_keys(JWKS).text
    )


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("client_id", [1, [], "a\n", "\ud800"]),
        ("client_name", [{}, "a\x1b[2J"]),
        ("client_secret", [1, True, "a\x00b"]),
        ("client_secret_expires_at", [-1, 1.5, "0", True, 10**18]),
        ("token_endpoint_auth_method", ["tls_client_auth", 1, ["none"]]),
        ("token_endpoint_auth_signing_alg", ["none", "HS512", {}]),
        ("grant_types", ["client_credentials", [1], [], ["authorization_code"], {}]),
        ("scope", [["a"], "a  b", " a", 'a"', "a\n"]),
        ("jwks", [[], "{}", {}]),
        ("jwks_uri", [1, "http://keys.example"]),
        ("introspection_signed_response_alg", ["none", "HS256"]),
        ("default_scope", [1, "a  b"]),
        ("audiences", ["https://a.example", [1]]),
        ("default_audience", [[]]),
        ("serves", [{}, [[]]]),
        ("introspect_any", ["true", 1]),
        ("owner", [1]),
        ("subject", ["user"]),
        ("issue_refresh_token", [0]),
        ("access_token_ttl", [300, "5 minutes", "PT"]),
        ("refresh_token_ttl", [True]),
        ("refresh_token_max_age", ["-1s"]),
        ("refresh_grace", [0]),
        ("token_format", ["JWT"]),
        ("signing_algorithm", ["HS256"]),
        ("accept_token_endpoint_audience", ["yes"]),
        ("auth_methods", ["none", [], ["basic"], [1]]),
        ("software_statement", ["eyJ"]),
    ],
)
def test_a_member_of_another_type_is_refused_by_its_name(member: str, values: list[object]) -> None:
    """No value is shown (RFC 7591 §3.2.2)."""
    for value in values:
        method = BY_KEY if member.startswith("jwks") else {}
        with pytest.raises(InvalidRegistration) as refusal:
            read(**method | {member: value})

        assert refusal.value.hint.startswith(f"{member}: ")


@pytest.mark.parametrize(
    ("metadata", "hint"),
    [
        (
            {**BY_KEY, "jwks": JWKS, "jwks_uri": "https://keys.example"},
            "jwks: not together with jwks_uri",
        ),
        ({"jwks": JWKS}, "jwks: needs token_endpoint_auth_method private_key_jwt"),
        (
            {"jwks_uri": "https://keys.example"},
            "jwks_uri: needs token_endpoint_auth_method private_key_jwt",
        ),
        (
            {**BY_KEY, "jwks": JWKS, "token_endpoint_auth_signing_alg": "ES256"},
            "token_endpoint_auth_signing_alg: no key in jwks signs with it",
        ),
        (
            {**BY_KEY, "auth_methods": ["client_secret_basic"]},
            "auth_methods: token_endpoint_auth_method has to be one of them",
        ),
    ],
)
def test_members_that_do_not_go_together_are_refused(metadata: dict[str, Any], hint: str) -> None:
    with pytest.raises(InvalidRegistration) as refusal:
        read(**metadata)

    assert refusal.value.hint == hint


@pytest.mark.parametrize("metadata", [None, [], "{}", 1])
def test_metadata_that_is_no_object_is_refused(metadata: object) -> None:
    with pytest.raises(InvalidRegistration, match="not an object"):
        read_metadata(metadata, client_id=MADE_UP, epoch=EPOCH, created_at=NOW)
