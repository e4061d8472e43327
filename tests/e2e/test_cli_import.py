"""`grantd import`: clients of another server go on with the secrets that they have."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from grantd.v1.token_service_pb2 import IssueTokenRequest
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.edges import NO_PROXY, GrpcEdge, HttpEdge, Refusal
from support.grantd_process import GrantdProcess, RegisteredClient
from support.imports import export
from support.transcripts import Step, play, require_one_line

EXPORTS = (
    ("bshaffer", "bshaffer.sql"),
    ("yii2", "yii2.csv"),
    ("league", "league.sql"),
    ("league", "passport.csv"),
    ("hydra", "hydra.json"),
    ("keycloak", "keycloak-realm.json"),
)

# Everybody with a secret who was taken, and is not disabled.
SECRETS: Mapping[str, str] = {
    "billing": "a secret, with & = : in it",
    "hashed": "correct horse battery",
    "nightly": "quoted, with a comma",
    "argon": "argon-secret-of-somebody",
    "3": "correct horse battery",
    "shop": "hydra-pbkdf2-secret",
    "seeded": "from the file it was made of",
    "press": "vX5tGm0J2c1sQ4bY8nD7pR3kW6eF9hLu",
}
BASIC_ALONE = {"shop", "seeded"}  # Hydra's clients have one method
NEVER_SHOWN = {*SECRETS.values(), "hydra-was-here-2019", "chosen+by%hand", "per%cent+plus", "$2y$"}


@dataclass(frozen=True)
class Taken:
    """A server, what was imported while it served, and what was told of it."""

    grantd: GrantdProcess
    reports: Mapping[str, Any]
    output: str

    def told(self, name: str) -> dict[str, dict[str, Any]]:
        return {one["client_id"]: one for one in self.reports[name]["clients"]}


@pytest.fixture(scope="module")
def taken(start_grantd: Callable[..., GrantdProcess], store: str) -> Taken:
    grantd = start_grantd(store, grpc=True)
    reports, output = {}, ""
    for source, name in EXPORTS:
        (grantd.folder / name).write_bytes(export(name))
        done = grantd.run("import", source, name, "--json")
        assert done.returncode == 0, done.stderr
        reports[name] = json.loads(done.stdout)
        output += done.stdout + done.stderr
    return Taken(grantd, reports, output + grantd.log.read_text())


@pytest.mark.parametrize("client_id", SECRETS)
def test_an_old_secret_gets_a_token_by_every_way_it_was_sent(taken: Taken, client_id: str) -> None:
    """In HTTP Basic as it stands, form-encoded in call metadata, and in the request."""
    client = RegisteredClient(client_id, SECRETS[client_id])

    for edge in (HttpEdge(taken.grantd), GrpcEdge(taken.grantd)):
        for in_request in (False,) if client_id in BASIC_ALONE else (False, True):
            assert edge.issue(client, in_request=in_request).access_token


def test_a_client_of_one_method_keeps_to_it(taken: Taken) -> None:
    """Hydra had registered it for the body alone, and so has grantd."""
    client = RegisteredClient("oldshop", "hydra-was-here-2019")

    assert HttpEdge(taken.grantd).issue(client, in_request=True).access_token
    with pytest.raises(Refusal):
        HttpEdge(taken.grantd).issue(client)


@pytest.mark.parametrize("client_id", ["stock", "retired", "stopped"])
def test_a_wrong_secret_or_a_disabled_client_gets_none(taken: Taken, client_id: str) -> None:
    secrets = {"retired": "still has a secret", "stopped": "$2y$10$is not a hash at Keycloak"}
    client = RegisteredClient(client_id, secrets.get(client_id, "correct horse batterx"))

    for edge in (HttpEdge(taken.grantd), GrpcEdge(taken.grantd)):
        with pytest.raises(Refusal) as refusal:
            edge.issue(client)
        assert refusal.value.error == "invalid_client"


def test_the_first_use_replaces_a_slow_hash_and_later_ones_do_not(taken: Taken) -> None:
    """A client's version counts what is written of it."""
    used = ("hashed", "argon", "shop", "seeded")

    for _ in range(2):
        for client_id in used:
            HttpEdge(taken.grantd).issue(RegisteredClient(client_id, SECRETS[client_id]))

    listed = {one["client_id"]: one for one in taken.grantd.require("clients", "list")}
    assert [listed[client_id]["version"] for client_id in used] == [2, 2, 2, 2]
    assert listed["asserting"]["version"] == 1


def issue_raw(grantd: GrantdProcess, client_id: str, secret: str) -> dict[str, bool]:
    """Send HTTP Basic without form-encoding on both protocols, and tell who was let in."""
    credentials = f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"
    form = {"grant_type": "client_credentials"}
    reply = grantd.post("/access_token", form, headers={"Authorization": credentials})
    assert reply.is_success or reply.json()["error"] == "invalid_client"
    return {"http": reply.is_success, "grpc": _is_let_in(grantd, credentials)}


def _is_let_in(grantd: GrantdProcess, credentials: str) -> bool:
    with grpc.insecure_channel(grantd.grpc_target, options=NO_PROXY) as channel:
        call = TokenServiceStub(channel).IssueToken.future(
            IssueTokenRequest(grant_type="client_credentials"),
            metadata=(("authorization", credentials),),
            timeout=20,
        )
        assert call.code() in {grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED}
        return call.code() is grpc.StatusCode.OK


NOBODY, EVERYWHERE = {"http": False, "grpc": False}, {"http": True, "grpc": True}


def test_a_secret_sent_raw_is_taken_only_from_who_has_the_switch(taken: Taken) -> None:
    """And form-encoded it is taken too; a wrong one never is."""
    for client_id, secret in (("reports", "per%cent+plus"), ("rawhash", "pass%word+plus")):
        assert issue_raw(taken.grantd, client_id, secret) == EVERYWHERE
        assert issue_raw(taken.grantd, client_id, secret + "%") == NOBODY
        assert GrpcEdge(taken.grantd).issue(RegisteredClient(client_id, secret)).access_token


def test_the_switch_is_turned_off_and_on_by_an_operator(taken: Taken) -> None:
    """The report names it, so that it can go once the client encodes."""
    changed = " ".join(taken.told("keycloak-realm.json")["lathe"]["changed"])
    assert "accept_raw_basic_credentials: its secret has + or %" in changed
    secret = "chosen+by%hand"
    assert issue_raw(taken.grantd, "lathe", secret) == EVERYWHERE

    updated = taken.grantd.require("clients", "update", "lathe", "--no-accept-raw-basic")

    assert updated["accept_raw_basic_credentials"] is False
    assert issue_raw(taken.grantd, "lathe", secret) == NOBODY
    assert GrpcEdge(taken.grantd).issue(RegisteredClient("lathe", secret)).access_token
    taken.grantd.require("clients", "update", "lathe", "--accept-raw-basic")
    assert issue_raw(taken.grantd, "lathe", secret) == EVERYWHERE


def test_scope_lifetime_and_owner_come_along(taken: Taken) -> None:
    grantd = taken.grantd
    billing = grantd.issue(RegisteredClient("billing", SECRETS["billing"])).json()
    press = grantd.issue(RegisteredClient("press", SECRETS["press"])).json()

    assert billing["scope"] == "orders.read orders.write"
    assert (press["scope"], press["expires_in"]) == ("press.run", 900)
    listed = {one["client_id"]: one for one in grantd.require("clients", "list")}
    assert listed["billing"]["owner"] == "alice"
    assert listed["shop"]["token_format"] == "opaque"
    assert listed["asserting"]["jwks_uri"] == "https://asserting.example/jwks"


@pytest.mark.parametrize(
    ("name", "client_id", "reason"),
    [
        ("bshaffer.sql", "testclient", "sample data"),
        ("bshaffer.sql", "costly", "cost of its bcrypt hash is 31"),
        ("bshaffer.sql", "website", "may not use client_credentials"),
        ("bshaffer.sql", "mobile", "public"),
        ("bshaffer.sql", "alice", "its id is the name of an owner"),
        ("yii2.csv", "testclient", "sample data"),
        ("league.sql", "spa", "public"),
        ("passport.csv", "5", "the name of its owner is the id of a client"),
        ("hydra.json", "listed", "no secret of it"),
        ("hydra.json", "lapsed", "expired"),
        ("hydra.json", "endless", "1000000000 iterations"),
        ("keycloak-realm.json", "masked", "masked"),
        ("keycloak-realm.json", "urn:sp", "openid-connect"),
    ],
)
def test_who_cannot_come_along_is_named_with_the_reason(
    taken: Taken, name: str, client_id: str, reason: str
) -> None:
    told = taken.told(name)[client_id]

    assert told["outcome"] == "refused"
    assert reason in told["reason"]


def test_no_secret_and_no_hash_is_shown(taken: Taken) -> None:
    """Neither in a report nor in what the server wrote."""
    assert "testclient" in taken.output
    assert [secret for secret in NEVER_SHOWN if secret in taken.output] == []


def test_a_second_import_changes_nothing(taken: Taken) -> None:
    """All who were taken are here already; a refused one stays refused."""
    first = taken.reports["hydra.json"]

    second = taken.grantd.require("import", "hydra", "hydra.json")

    assert (second["taken"], second["already_here"]) == (0, first["taken"])
    assert (second["refused"], second["scopes_created"]) == (first["refused"], [])


@pytest.fixture
def grantd(tmp_path: Path) -> GrantdProcess:
    return GrantdProcess(tmp_path)


def test_a_dry_run_tells_everything_and_writes_nothing(grantd: GrantdProcess) -> None:
    """In the words that a person reads, from standard input."""
    text = export("yii2.csv").decode()

    play(
        grantd.run,
        Step(
            command=["import", "yii2", "-", "--dry-run"],
            stdin=text,
            stdout=(
                r"^nightly +taken +not taken: redirect_uri",
                r"^nightly +refused +its id is that of a client before it in the export",
                r"^testclient +refused +its secret is that of a library's sample data",
                r"^testclient2 +taken +every scope was allowed",
                r"^testclient2 +taken +accept_raw_basic_credentials",
            ),
            stderr=(
                r"^Would create the scopes: orders\.read$",
                r"^Nothing was written\. It would be: 2 taken, 0 already here, 2 refused\.$",
            ),
        ),
        Step(command=["clients", "list"], stderr=(r"There are no clients yet",)),
    )


def test_only_refused_clients_are_a_failure(grantd: GrantdProcess) -> None:
    """Whoever runs it in a script has to hear of that; an empty export is none."""
    sample = "client_id,client_secret,grant_types\ntestclient,testpass,client_credentials\n"

    play(
        grantd.run,
        Step(
            command=["import", "bshaffer", "-"],
            stdin=sample,
            status=1,
            stdout=(r"^testclient +refused",),
            stderr=(r"^0 taken, 0 already here, 1 refused\.$",),
        ),
        Step(
            command=["import", "bshaffer", "-"],
            stdin="client_id,client_secret\n",
            stderr=(r"There are no clients in that file",),
        ),
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "told"),
    [
        (["keycloak", "-"], '{"clients": [\n{"clientId": }]}', 1, "(line 2: Expecting value)"),
        (["bshaffer", "-"], "client_id\na,b\n", 1, "(line 2: 2 fields instead of 1)"),
        (["hydra", "missing.json"], "", 1, "missing.json cannot be read: No such file"),
        (["hydra", "-"], " " * (16 * 1_024 * 1_024 + 1), 1, "larger than 16 MiB"),
        (["okta", "-"], "", 2, "okta"),
    ],
    ids=["json", "csv", "missing", "large", "unknown"],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    grantd: GrantdProcess, arguments: list[str], stdin: str, status: int, told: str
) -> None:
    done = grantd.run("import", *arguments, stdin=stdin)

    assert done.returncode == status
    assert told in done.stderr
    require_one_line(done.stderr)
    assert not list(grantd.folder.iterdir())
