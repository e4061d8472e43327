"""Clients, scopes, resources and keys from the command line, without any server."""

import json
import re

import pytest

from support.grantd_process import GrantdProcess
from support.transcripts import Step, play, require_one_line

GENERATED = r"gds_[0-9a-f]{8}_[A-Za-z0-9_-]{43}_[0-9a-f]{8}"
BOOKS = "https://books.example"
RESERVED = ["grantd.admin.read", "grantd.admin.write"]


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> GrantdProcess:
    """A store with a client, a resource and a scope of it."""
    grantd = GrantdProcess(tmp_path_factory.mktemp("stocked"))
    grantd.require("clients", "create", "--id", "taken")
    grantd.require("resources", "create", BOOKS)
    grantd.require("scopes", "create", "again", "--resource", BOOKS)
    return grantd


def test_a_client_lives_from_create_to_delete(grantd: GrantdProcess) -> None:
    """The secret is printed once, on standard output, and nowhere again."""
    play(
        grantd.run,
        Step(command=["clients", "list"], stderr=[r"There are no clients yet"]),
        Step(command=["scopes", "create", "books.read"], stderr=[r"Scope books\.read is created"]),
    )
    (created,) = play(
        grantd.run,
        Step(
            command=["clients", "create", "--id", "ledger", "--scope", "books.read"],
            stdout=[r"^client_id +ledger$", rf"^client_secret +{GENERATED}$"],
            stderr=[r"Keep the secret now", rf"curl -u ledger .* {grantd.issuer}/access_token$"],
        ),
    )
    secret = re.search(GENERATED, created)
    assert secret is not None
    later = play(
        grantd.run,
        Step(
            command=["clients", "list"],
            stdout=[
                r"CLIENT ID +NAME +GRANTS",
                r"ledger +client_credentials +books\.read +enabled",
            ],
        ),
        Step(command=["clients", "show", "ledger"], stdout=[r"^client_id +ledger$", r"^secret "]),
        Step(command=["clients", "show", "ledger", "--json"]),
        Step(command=["clients", "delete", "ledger"], stderr=[r"Client ledger is deleted"]),
        Step(
            command=["clients", "show", "ledger"],
            status=1,
            stderr=[r"^grantd: There is no such client\. \(ledger\)$"],
        ),
    )
    assert all(secret[0] not in text for text in later)


def test_every_flag_of_create_reaches_the_client(embedded: GrantdProcess) -> None:
    """What is typed is what is kept."""
    embedded.require("resources", "create", BOOKS, "--name", "Books", "--token-format", "opaque")
    embedded.require("scopes", "create", "books.read", "--resource", BOOKS, "--description", "Read")
    embedded.require("scopes", "create", "books.write")
    flags = """--id ledger --name Ledger --grant client_credentials --grant refresh_token
        --default-scope books.read --audience https://books.example
        --default-audience https://books.example --serves https://books.example --introspect-any
        --auth-method client_secret_basic --owner ada --subject owner --issue-refresh-token
        --access-token-ttl PT5M --refresh-token-ttl 7d --token-format jwt"""
    made = embedded.require(
        "clients", "create", "--scope", "books.write books.read", *flags.split()
    )
    assert re.fullmatch(GENERATED, made.pop("client_secret"))
    shown = embedded.require("clients", "show", "ledger")
    assert made == shown
    expected = {
        "client_id": "ledger",
        "name": "Ledger",
        "state": "enabled",
        "grant_types": ["client_credentials", "refresh_token"],
        "scope": "books.read books.write",
        "default_scope": "books.read",
        "audiences": [BOOKS],
        "default_audience": BOOKS,
        "serves": [BOOKS],
        "introspect_any": True,
        "auth_methods": ["client_secret_basic"],
        "owner": "ada",
        "subject": "owner",
        "issue_refresh_token": True,
        "token_format": "jwt",
        "access_token_ttl": "5m",
        "refresh_token_ttl": "7d",
    }
    assert {name: shown[name] for name in expected} == expected
    assert [secret["imported"] for secret in shown["secrets"]] == [False]


def test_what_is_left_out_has_the_usual_values(embedded: GrantdProcess) -> None:
    """An id made up, both ways to prove a secret, client credentials."""
    made = embedded.require("clients", "create")
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", made["client_id"])
    assert made["auth_methods"] == ["client_secret_basic", "client_secret_post"]
    assert made["grant_types"] == ["client_credentials"]


def test_a_public_client_has_no_secret(embedded: GrantdProcess) -> None:
    """RFC 6749 §2.1."""
    made = embedded.require("clients", "create", "--id", "app", "--public")
    assert "client_secret" not in made
    assert (made["auth_methods"], made["secrets"]) == (["none"], [])
    play(
        embedded.run,
        Step(
            command=["clients", "create", "--public", "--auth-method", "client_secret_basic"],
            status=2,
            stderr=[r"^grantd: a public client has no authentication method$"],
        ),
    )


def test_a_secret_can_be_imported_from_a_file_or_standard_input(embedded: GrantdProcess) -> None:
    """It is not printed back, and no argument can hold it."""
    chosen = "correct horse battery staple"
    file = embedded.folder / "chosen.secret"
    file.write_text(f"{chosen}\n", encoding="utf-8")
    printed = play(
        embedded.run,
        Step(command=["clients", "create", "--id", "a", "--secret-file", str(file), "--json"]),
        Step(
            command=["clients", "create", "--id", "b", "--secret-file", "-", "--json"],
            stdin=f"{chosen}\n",
        ),
        Step(command=["clients", "create", "--secret", chosen], status=2),
    )
    for text in printed[:2]:
        made = json.loads(text)
        assert "client_secret" not in made
        assert [secret["imported"] for secret in made["secrets"]] == [True]
        assert chosen not in text


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("clients create --id taken", r"A client or an owner has that id already\."),
        ("clients create --scope nothing", r"cannot be registered.*unknown scope: nothing"),
        ("clients create --issue-refresh-token", r"cannot be registered.*both grant types"),
        ("clients delete nobody", r"There is no such client\. \(nobody\)"),
        ("scopes create again", r"exists already"),
        ("scopes delete grantd.admin.write", r"grantd\.admin\.write is built in"),
        (
            "scopes disable again --if-etag 0",
            r"somebody else changed again: its etag is \w{16} now",
        ),
        ("scopes show nothing", r"There is no such scope or resource\. \(nothing\)"),
        ('scopes create a"b', r"scope is malformed"),
        ("resources create books", r"resource is malformed.*books"),
        ("resources create https://a.example --signing-alg EdDSA", r"no active key for EdDSA"),
        ("resources delete https://books.example", r"still owns scopes"),
        ("resources create https://a.example --access-token-ttl 0s", r"a second or more"),
        ("clients create --name red\x1b[31m", r"up to 200 characters, all printable"),
        ("clients create --secret-file no.secret", r"no\.secret cannot be read: No such file"),
    ],
)
def test_a_refusal_is_one_line_and_exit_status_1(
    stocked: GrantdProcess, command: str, said: str
) -> None:
    """What was refused and why, for the person who typed it."""
    done = stocked.run(*command.split())
    assert (done.returncode, done.stdout) == (1, "")
    require_one_line(done.stderr)
    assert re.search(rf"^grantd: .*{said}", done.stderr)


def test_scopes_and_resources_are_listed_and_deleted(embedded: GrantdProcess) -> None:
    """Tables for people, JSON for programs, in one order."""
    play(
        embedded.run,
        Step(
            command=["scopes", "list"],
            stdout=[r"^grantd\.admin\.read .* built in$", r"^grantd\.admin\.write .* built in$"],
            stderr=[r"There are no scopes of your own yet"],
        ),
        Step(command=["resources", "list"], stderr=[r"There are no resources yet"]),
        Step(
            command=["resources", "create", BOOKS, "--access-token-ttl", "10m"],
            stderr=[r"Resource https://books\.example is created"],
        ),
        Step(command=["scopes", "create", "b", "--resource", BOOKS, "--description", "A b"]),
        Step(command=["scopes", "create", "a"]),
        Step(
            command=["scopes", "list"],
            stdout=[
                r"SCOPE +DESCRIPTION +RESOURCE +STATE",
                r"^a ",
                rf"^b +A b +{BOOKS} +enabled",
                r"^grantd\.admin\.read ",
            ],
        ),
        Step(command=["resources", "list"], stdout=[r"RESOURCE +NAME", rf"^{BOOKS} .* 10m"]),
    )
    scopes = embedded.require("scopes", "list")
    assert [scope["name"] for scope in scopes] == ["a", "b", *RESERVED]
    assert re.fullmatch("[0-9a-f]{16}", scopes[1].pop("etag"))
    owned = {"name": "b", "description": "A b", "resource": BOOKS, "state": "enabled"}
    assert scopes[1] == owned
    assert embedded.require("scopes", "list", "--limit", "1", "--after", "a") == [
        {**owned, "etag": embedded.require("scopes", "show", "b")["etag"]}
    ]
    (listed,) = embedded.require("resources", "list")
    assert (listed["resource"], listed["access_token_ttl"]) == (BOOKS, "10m")
    play(
        embedded.run,
        Step(command=["scopes", "delete", "b"], stderr=[r"Scope b is deleted"]),
        Step(command=["resources", "delete", BOOKS], stderr=[r"Resource .* is deleted"]),
    )
    assert embedded.require("resources", "list") == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("scopes update again", "there is nothing to change: see --help"),
        (
            "scopes update again --resource https://books.example --unset resource",
            "--resource and --unset resource at once",
        ),
        (
            "resources update https://books.example --token-format jwt --unset token-format",
            "--token-format and --unset token-format at once",
        ),
        ("scopes list --limit 0", None),
    ],
)
def test_a_wrong_usage_is_exit_status_2(
    stocked: GrantdProcess, command: str, said: str | None
) -> None:
    """Nothing is changed by half of a command."""
    done = stocked.run(*command.split())
    assert (done.returncode, done.stdout) == (2, "")
    require_one_line(done.stderr)
    assert said is None or done.stderr == f"grantd: {said}\n"


def test_a_list_is_cut_and_continued(embedded: GrantdProcess) -> None:
    """`--limit` ends it, `--after` goes on behind a name; in JSON it stays a list."""
    embedded.create_clients(dict.fromkeys("abc", ()))

    first = embedded.require("clients", "list", "--limit", "2")
    rest = embedded.require("clients", "list", "--after", "b", "--limit", "2")

    assert [[client["client_id"] for client in page] for page in (first, rest)] == [
        ["a", "b"],
        ["c"],
    ]
    play(
        embedded.run,
        Step(command=["clients", "list", "--after", "c"], stderr=[r"no clients behind that one"]),
    )


def test_the_first_command_makes_the_keys_and_later_ones_find_them(grantd: GrantdProcess) -> None:
    """ES256 and RS256 and those that nobody outside sees, the same whoever asks."""
    first = grantd.require("keys", "list")
    assert [(key["purpose"], key.get("alg"), key["state"]) for key in first] == [
        ("signing", "ES256", "active"),
        ("signing", "RS256", "active"),
        ("refresh-mac", None, "active"),
        ("secret-pepper", None, "active"),
    ]
    assert grantd.require("keys", "list") == first
    play(
        grantd.run,
        Step(command=["keys", "list"], stdout=[r"KEY ID +ALGORITHM +STATE", rf"{first[0]['kid']}"]),
    )
