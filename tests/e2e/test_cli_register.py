"""`grantd clients register`: clients from standard metadata (RFC 7591)."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from support.grantd_process import GrantdProcess, RegisteredClient
from support.transcripts import Step, play, require_one_line

GENERATED = r"gds_[0-9a-f]{8}_[A-Za-z0-9_-]{43}_[0-9a-f]{8}"
BOOKS = "https://books.example"
REGISTER = ["clients", "register", "-"]


def register(grantd: GrantdProcess, document: object) -> Any:  # noqa: ANN401  (JSON has any shape)
    """Register from standard input, and return the JSON printed."""
    done = grantd.run(*REGISTER, stdin=json.dumps(document))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def key_pair(key_id: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return a key with its private member, and without."""
    private = ec.generate_private_key(ec.SECP256R1())
    whole = {**ECAlgorithm.to_jwk(private, as_dict=True), "kid": key_id}
    return whole, {name: value for name, value in whole.items() if name != "d"}


def test_one_object_is_registered_and_answered_as_one_object(grantd: GrantdProcess) -> None:
    """Nothing but a name is needed; the rest is as RFC 7591 §2 and §3.2.1 say."""
    (grantd.folder / "client.json").write_text('{"client_id": "ledger"}')
    (printed,) = play(grantd.run, Step(command=["clients", "register", "client.json"]))
    made = json.loads(printed)

    assert re.fullmatch(GENERATED, made.pop("client_secret"))
    assert isinstance(made.pop("client_id_issued_at"), int)
    assert made == {
        "client_id": "ledger",
        "client_secret_expires_at": 0,
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "scope": "",
        "introspection_signed_response_alg": "RS256",
    }
    shown = grantd.require("clients", "show", "ledger")
    assert [secret["recoverable"] for secret in shown["secrets"]] == [False]


def test_everything_taken_is_printed_as_it_was_given(grantd: GrantdProcess) -> None:
    """But for a secret, which its owner has; and what is printed can be registered elsewhere."""
    grantd.require("resources", "create", BOOKS)
    grantd.create_scopes("books.read", "books.write")
    given = {
        "client_id": "ledger",
        "client_secret": "correct horse battery staple, twice",
        "client_secret_expires_at": 4_000_000_000,
        "client_name": "Ledger",
        "token_endpoint_auth_method": "client_secret_post",
        "auth_methods": ["client_secret_post", "client_secret_jwt"],
        "token_endpoint_auth_signing_alg": "HS256",
        "grant_types": ["client_credentials", "refresh_token"],
        "scope": "books.read books.write",
        "introspection_signed_response_alg": "ES256",
        "default_scope": "books.read",
        "audiences": [BOOKS],
        "default_audience": BOOKS,
        "serves": [BOOKS],
        "introspect_any": True,
        "owner": "ada",
        "subject": "owner",
        "issue_refresh_token": True,
        "access_token_ttl": "5m",
        "refresh_token_ttl": "7d",
        "refresh_token_max_age": "30d",
        "refresh_grace": "10s",
        "token_format": "opaque",
        "signing_algorithm": "RS256",
        "accept_token_endpoint_audience": True,
    }

    made = register(grantd, given)

    assert isinstance(made.pop("client_id_issued_at"), int)
    assert made == {name: value for name, value in given.items() if name != "client_secret"}
    shown = grantd.require("clients", "show", "ledger")
    [secret] = shown["secrets"]
    assert (secret["imported"], secret["recoverable"]) == (True, True)
    assert shown["token_endpoint_auth_signing_alg"] == "HS256"
    assert given["client_secret"] not in json.dumps(shown)


def test_an_array_is_answered_with_an_array(grantd: GrantdProcess) -> None:
    _, public = key_pair("first")
    made = register(
        grantd,
        [
            {"client_id": "app", "token_endpoint_auth_method": "none"},
            {
                "client_id": "by-key",
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [public]},
            },
            {
                "client_id": "by-uri",
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks_uri": "https://keys.example/jwks",
            },
        ],
    )

    assert [one["client_id"] for one in made] == ["app", "by-key", "by-uri"]
    assert not any("client_secret" in name for one in made for name in one)
    assert made[1]["jwks"] == {"keys": [public]}
    assert made[2]["jwks_uri"] == "https://keys.example/jwks"
    play(
        grantd.run,
        Step(command=["clients", "show", "by-key"], stdout=[r"^jwks_key_ids +first$"]),
        Step(command=["clients", "show", "by-uri"], stdout=[r"^jwks_uri +https://keys\.example"]),
    )


def test_what_is_not_taken_is_said_on_standard_error(embedded: GrantdProcess) -> None:
    """A control character in a name reaches no terminal."""
    document = {
        "client_id": "ledger",
        "redirect_uris": ["https://books.example/back"],
        "grant_types": ["authorization_code", "client_credentials"],
        "\x1b[2J": 1,
    }
    (printed,) = play(
        embedded.run,
        Step(
            command=REGISTER,
            stdin=json.dumps(document),
            stderr=[
                r"^not taken of ledger: redirect_uris$",
                r"^not taken of ledger: \?\[2J$",
                r"^not taken of ledger: grant_types: authorization_code$",
            ],
        ),
    )
    assert json.loads(printed)["grant_types"] == ["client_credentials"]
    assert "redirect_uris" not in printed


def test_a_file_is_registered_whole_or_not_at_all(embedded: GrantdProcess) -> None:
    """All are judged before the first is registered."""
    document = [{"client_id": "a"}, {"client_id": "b", "scope": "nobody.knows"}]
    play(
        embedded.run,
        Step(
            command=REGISTER,
            stdin=json.dumps(document),
            status=1,
            stderr=[r"^grantd: .*\(client 2 of 2: unknown scope: nobody\.knows\)$"],
        ),
        Step(command=["clients", "list"], stderr=[r"There are no clients yet"]),
    )


def test_what_was_registered_before_a_taken_id_is_printed(grantd: GrantdProcess) -> None:
    """Its secret is shown this once."""
    register(grantd, {"client_id": "taken"})
    document = [{"client_id": one} for one in ("first", "taken", "last")]

    (printed,) = play(
        grantd.run,
        Step(
            command=REGISTER,
            stdin=json.dumps(document),
            status=1,
            stderr=[
                r"^Registered 1 of 3 clients, then:$",
                r"^grantd: A client or an owner has that id already\. \(taken\)$",
            ],
        ),
    )
    [first] = json.loads(printed)
    assert first["client_id"] == "first"
    assert re.fullmatch(GENERATED, first["client_secret"])
    assert [one["client_id"] for one in grantd.require("clients", "list")] == ["first", "taken"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"clients\.json is not JSON: line 1"),
        ("{", r"clients\.json is not JSON: line 1"),
        ("\udcff", r"clients\.json is not a text in UTF-8"),
        ('{"scope": NaN}', r"NaN is not a number of JSON"),
        ('{"scope": "a", "scope": "b"}', r"an object has a member twice"),
        ("[" * 100_000, r"clients\.json is nested too deeply"),
        ("[]", r"there is no client in clients\.json"),
        ('"ledger"', r"\(not a JSON object\)"),
        ('[{}, "ledger"]', r"\(client 2 of 2: not a JSON object\)"),
        ('{"scope": ["a"]}', r"\(scope: scope tokens"),
        ('{"software_statement": "e"}', r"\(software_statement: not supported\)"),
        (
            '{"token_endpoint_auth_method": "client_secret_jwt", "client_secret": "hunter2"}',
            r"\(client_secret_jwt needs a secret of 32 bytes or more\)",
        ),
        (
            '{"token_endpoint_auth_method": "private_key_jwt"}',
            r"\(private_key_jwt needs either jwks or jwks_uri\)",
        ),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_in_one_line(
    embedded: GrantdProcess, text: str, reason: str
) -> None:
    """No secret in it is repeated."""
    file = embedded.folder / "clients.json"
    file.write_bytes(text.encode(errors="surrogateescape"))

    done = embedded.run("clients", "register", file.name)

    refusals = [line for line in done.stderr.splitlines(keepends=True) if line[0] != "{"]
    assert (done.returncode, done.stdout) == (1, "")
    require_one_line("".join(refusals))
    assert re.search(reason, refusals[0])
    assert "hunter2" not in done.stderr


def test_standard_input_is_called_by_its_name(embedded: GrantdProcess) -> None:
    play(
        embedded.run,
        Step(command=REGISTER, status=1, stderr=[r"^grantd: standard input is not JSON"]),
    )


def test_a_private_key_is_refused_by_its_name_alone(embedded: GrantdProcess) -> None:
    whole, _ = key_pair("mine")
    document = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [whole]}}

    done = embedded.run(*REGISTER, stdin=json.dumps(document))

    assert done.returncode == 1
    assert "(jwks: key mine: it is not public)" in done.stderr
    assert whole["d"] not in done.stderr


def test_a_key_can_be_given_to_create(embedded: GrantdProcess) -> None:
    _, public = key_pair("mine")
    (embedded.folder / "jwks.json").write_text(json.dumps({"keys": [public]}))
    by_key = ["--auth-method", "private_key_jwt"]

    made = embedded.require("clients", "create", "--id", "a", *by_key, "--jwks-file", "jwks.json")
    assert made["jwks_key_ids"] == ["mine"]
    assert "client_secret" not in made
    made = embedded.require("clients", "create", *by_key, "--jwks-uri", "https://keys.example")
    assert made["jwks_uri"] == "https://keys.example"
    play(
        embedded.run,
        Step(
            command=["clients", "create", *by_key, "--jwks-uri", "http://keys.example"],
            status=1,
            stderr=[r"jwks_uri: https is needed, or http on loopback"],
        ),
        Step(
            command=["clients", "create", *by_key, "--jwks-file", "absent.json"],
            status=1,
            stderr=[r"^grantd: absent\.json cannot be read: No such file"],
        ),
    )


def test_registered_clients_get_tokens(
    start_grantd: Callable[..., GrantdProcess], store: str
) -> None:
    """With a secret that was made, with one imported, and not by a method not registered."""
    grantd = start_grantd(store)
    made, _ = register(
        grantd,
        [{"client_id": "made"}, {"client_id": "brought", "client_secret": "100% mine: + / é"}],
    )

    assert grantd.issue(RegisteredClient("made", made["client_secret"])).status_code == 200
    brought = RegisteredClient("brought", "100%25+mine%3A+%2B+%2F+%C3%A9")
    assert grantd.issue(brought).status_code == 200
    by_body = {"grant_type": "client_credentials", "client_id": "made"}
    refused = grantd.post("/access_token", by_body | {"client_secret": made["client_secret"]})
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
