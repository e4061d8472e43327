"""A state in a file: planned, applied, cut off, applied by two at once, while grantd serves."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from domain.model.credentials import ClientSecret, SecretId
from grantd.v1.token_service_pb2 import IssueTokenRequest
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.grantd_process import GRANTD, GrantdProcess, RegisteredClient
from support.grpc_calls import basic
from support.oauth_replies import granted, introspected
from support.polling import wait_until
from support.transcripts import Step, play, require_one_line

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "conf" / "grantd.example.yaml"
MANY = 120
LEFT = ClientSecret.compose(SecretId("0badcafe"), "A" * 43)

STATE = """
resources:
  - id: https://invoices.example
scopes:
  - {name: invoices.read, resource: https://invoices.example}
  - {name: invoices.write, resource: https://invoices.example}
clients:
  - id: ledger
    scope: invoices.read invoices.write
  - id: payroll
    scope: invoices.read
"""
CHANGED = """
policy:
  access_token_ttl: 90s
scopes:
  - {name: invoices.read, resource: https://invoices.example, description: Read invoices}
clients:
  - id: ledger
    scope: invoices.read
  - id: fresh
    public: true
    grants: [refresh_token]
"""


@pytest.fixture(scope="module")
def grantd(start_grantd: Any, store: str) -> GrantdProcess:  # noqa: ANN401  (a fixture's function)
    grantd: GrantdProcess = start_grantd(store, grpc=True)
    (grantd.folder / "secrets").mkdir(mode=0o700)
    return grantd


@pytest.fixture(autouse=True)
def empty(grantd: GrantdProcess) -> None:
    """Each test begins with nothing, and with an empty place for secrets."""
    (grantd.folder / "grantd.yaml").write_text(
        "{policy: {}, resources: [], scopes: [], clients: []}", encoding="utf-8"
    )
    grantd.require("apply", "-f", "grantd.yaml", "--prune")
    for file in (grantd.folder / "secrets").iterdir():
        file.unlink()


def write(grantd: GrantdProcess, text: str, name: str = "grantd.yaml") -> str:
    (grantd.folder / name).write_text(text, encoding="utf-8")
    return name


def apply(grantd: GrantdProcess, text: str, *flags: str) -> Any:  # noqa: ANN401  (JSON has any shape)
    file = write(grantd, text)
    return grantd.require("apply", "-f", file, "--secrets-to", "secrets", *flags)


def exported(grantd: GrantdProcess) -> Any:  # noqa: ANN401  (likewise)
    return grantd.require("export")


def client_of(grantd: GrantdProcess, client_id: str) -> RegisteredClient:
    """Return a client with the secret that was left for the operator."""
    file = grantd.folder / "secrets" / client_id
    return RegisteredClient(client_id, file.read_text(encoding="ascii").strip())


def many_clients(marker: str, *, first: int = 0) -> str:
    clients = [
        {"id": f"client-{number:04}", "name": marker} for number in range(first, first + MANY)
    ]
    return yaml.safe_dump({"scopes": [{"name": marker}], "clients": clients})


def test_the_plan_is_shown_and_the_file_applied_and_then_there_is_nothing_to_do(
    grantd: GrantdProcess,
) -> None:
    """What an operator sees from the first plan to the last."""
    write(grantd, STATE)
    write(grantd, CHANGED, "changed.yaml")
    apply_state = ("apply", "-f", "grantd.yaml", "--secrets-to", "secrets")
    apply_changed = ("apply", "-f", "changed.yaml", "--secrets-to", "secrets")

    play(
        grantd.run,
        Step(
            command=("apply", "-f", "grantd.yaml", "--plan"),
            stdout=(
                r"^\+ resource https://invoices\.example$",
                r"^\+ scope invoices\.read$",
                r"^    resource: https://invoices\.example$",
                r"^\+ client ledger$",
                r"^    scope: invoices\.read invoices\.write$",
                r"^    secret: a new one is made$",
                r"^Plan: 5 to create, 0 to change, 0 to remove\.$",
            ),
        ),
        Step(
            command=("apply", "-f", "grantd.yaml"),
            status=1,
            stderr=(
                r"^grantd: secrets have to be made for ledger, payroll: say with --secrets-to",
            ),
        ),
        Step(
            command=apply_state,
            stdout=(
                r"^Applied: 5 created, 0 changed, 0 removed\.$",
                r"^The secret of ledger is in secrets/ledger\.$",
                r"^The secret of payroll is in secrets/payroll\.$",
            ),
        ),
        Step(command=apply_state, stdout=(r"^Nothing to do: everything is as the file says\.$",)),
        Step(
            command=(*apply_changed, "--plan"),
            stdout=(
                r"^~ scope invoices\.read$",
                r"^    description: \(none\) → Read invoices$",
                r"^~ policy$",
                r"^    access_token_ttl: \(none\) → 90s$",
                r"^\+ client fresh$",
                r"^~ client ledger$",
                r"^    scope: invoices\.read invoices\.write → invoices\.read$",
                r"^Who loses what:$",
                r"^  ledger: scope invoices\.write$",
                r"^Not in the file, and left as they are \(--prune removes them\):$",
                r"^  scope: invoices\.write$",
                r"^  client: payroll$",
                r"^Plan: 1 to create, 3 to change, 0 to remove\.$",
            ),
        ),
        Step(
            command=(*apply_changed, "--prune", "--plan"),
            stdout=(
                r"^- client payroll$",
                r"^- scope invoices\.write$",
                r"^  ledger: scope invoices\.write$",
                (
                    r"^  payroll: everything it holds ends; scope invoices\.read; "
                    r"audience https://invoices\.example; grant client_credentials$"
                ),
                r"^Plan: 1 to create, 3 to change, 2 to remove\.$",
            ),
        ),
    )
    planned = grantd.require(*apply_changed, "--prune", "--plan")
    applied = grantd.require(*apply_changed, "--prune")
    assert applied == {**planned, "applied": True, "secrets": {}}
    assert (planned["create"], planned["change"], planned["remove"]) == (1, 3, 2)
    [ledger] = [step for step in planned["steps"] if step["name"] == "ledger"]
    wide, narrow = ["invoices.read", "invoices.write"], ["invoices.read"]
    assert ledger["changes"] == [{"field": "scope", "old": wide, "new": narrow}]
    assert {loss["client_id"] for loss in planned["losses"]} == {"ledger", "payroll"}
    state = exported(grantd)
    assert [one["id"] for one in state["clients"]] == ["fresh", "ledger"]
    assert [one["name"] for one in state["scopes"]] == ["invoices.read"]


def test_the_example_applies_and_what_is_exported_then_changes_nothing(
    grantd: GrantdProcess,
) -> None:
    """Secrets are in no export, and a client of the example gets its tokens."""
    planned = apply(grantd, EXAMPLE.read_text(encoding="utf-8"))
    assert sorted(planned["secrets"]) == ["bookkeeping", "invoices", "nightly-report"]

    [text] = play(grantd.run, Step(command=("export",)))
    assert not re.search(r"gds_|\$argon2|secret:", text)
    again = apply(grantd, text, "--prune")

    assert (again["create"], again["change"], again["remove"]) == (0, 0, 0)
    token = granted(grantd.issue(client_of(grantd, "nightly-report")))
    assert (token["expires_in"], token["scope"]) == (600, "invoices.read")
    shown = introspected(grantd.introspect(client_of(grantd, "invoices"), token["access_token"]))
    assert shown["client_id"] == "nightly-report"


def test_every_line_of_the_example_that_is_commented_out_could_be_put_in() -> None:
    """What it offers in comments is in the vocabulary, too."""
    text = EXAMPLE.read_text(encoding="utf-8")
    offered = set(re.findall(r"^ *# ([a-z_]+): ", text, re.MULTILINE))

    assert offered == {
        "refresh_grace",
        "token_format",
        "signing_algorithm",
        "require_scope",
        "revoke_access_token_on_refresh",
        "max_families_per_client",
        "disabled",
        "refresh_token_max_age",
        "secret",
        "introspect_any",
    }


def test_a_declared_lifetime_holds_for_the_very_next_request_of_both_protocols(
    grantd: GrantdProcess,
) -> None:
    """It stands over what the processes were started with, and goes when it is not declared."""
    apply(grantd, STATE)
    ledger = client_of(grantd, "ledger")

    def lifetimes() -> tuple[int, int]:
        with grpc.insecure_channel(grantd.grpc_target) as channel:
            reply = TokenServiceStub(channel).IssueToken(
                IssueTokenRequest(grant_type="client_credentials"), metadata=basic(*ledger.basic)
            )
        over_http: int = granted(grantd.issue(ledger))["expires_in"]
        return over_http, reply.expires_in.seconds

    assert lifetimes() == (3_600, 3_600)
    apply(grantd, "policy: {access_token_ttl: 90s}")
    assert lifetimes() == (90, 90)
    apply(grantd, "policy: {}")
    assert lifetimes() == (3_600, 3_600)


def test_a_bad_file_is_refused_whole_with_line_and_field(grantd: GrantdProcess) -> None:
    """Every problem at once, and what was in order is not written either.

    Nor is anything of a file whose secrets have no place.
    """
    grantd.folder.chmod(0o750)
    write(grantd, STATE, "fine.yaml")
    write(
        grantd,
        """
scopes:
  - name: fine
clients:
  - id: ledger
    scpoe: fine
    scope: finer
    access_token_ttl: 60
""",
    )

    play(
        grantd.run,
        Step(
            command=("apply", "-f", "grantd.yaml", "--secrets-to", "secrets"),
            status=1,
            stderr=(
                (
                    r"^grantd: grantd\.yaml:6:5: clients\[0\]\.scpoe: there is no such key; "
                    r"did you mean scope\?$"
                ),
                (
                    r"^grantd: grantd\.yaml:7:12: clients\[0\]\.scope: there is no scope finer; "
                    r"did you mean fine\?$"
                ),
                r"^grantd: grantd\.yaml:8:23: clients\[0\]\.access_token_ttl: a duration like",
                r"^grantd: grantd\.yaml has 3 problems, and nothing was changed$",
            ),
        ),
        Step(
            command=("apply", "-f", "fine.yaml", "--secrets-to", "."),
            status=1,
            stderr=(r"^grantd: \. is open to others than its owner: chmod 700 \.$",),
        ),
    )

    assert exported(grantd) == {"policy": {}, "resources": [], "scopes": [], "clients": []}


def start_apply(grantd: GrantdProcess, file: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [GRANTD, "apply", "-f", file, "--prune", "--secrets-to", "secrets"],
        cwd=grantd.folder,
        env=grantd.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def secrets_left(grantd: GrantdProcess) -> int:
    return len(list((grantd.folder / "secrets").glob("client-*")))


def test_killed_half_way_a_second_apply_finishes_and_no_secret_is_lost(
    grantd: GrantdProcess,
) -> None:
    """Every client that is there has the secret that lies in its file."""
    file = write(grantd, many_clients("wanted"))
    running = start_apply(grantd, file)
    wait_until(lambda: secrets_left(grantd) > MANY // 4)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    left = secrets_left(grantd)
    assert left < MANY, "it was faster than the signal"
    before = {file.name: file.read_bytes() for file in (grantd.folder / "secrets").glob("client-*")}

    finished = grantd.require("apply", "-f", file, "--prune", "--secrets-to", "secrets")

    assert 0 < finished["create"] < MANY
    assert len(exported(grantd)["clients"]) == secrets_left(grantd) == MANY
    for name, content in before.items():
        assert (grantd.folder / "secrets" / name).read_bytes() == content
    for number in range(0, MANY, MANY // 8):
        granted(grantd.issue(client_of(grantd, f"client-{number:04}")))
    assert grantd.require("apply", "-f", file, "--prune")["steps"] == []


def test_of_two_at_once_one_gets_a_conflict_and_no_blend_remains(grantd: GrantdProcess) -> None:
    """Who comes later stops who has begun; what one file says is what there is."""
    wanted = many_clients("other", first=MANY // 2)
    write(grantd, many_clients("one"), "one.yaml")
    write(grantd, wanted, "other.yaml")
    (grantd.folder / "other").mkdir(mode=0o700, exist_ok=True)
    # What the first finds left for its tenth client it reads twice: before it begins, and then.
    tenth = grantd.folder / "secrets" / "client-0010"
    os.mkfifo(tenth)
    first = start_apply(grantd, "one.yaml")
    tenth.write_text(LEFT.reveal(), encoding="ascii")
    wait_until(lambda: secrets_left(grantd) == 11)

    second = grantd.run("apply", "-f", "other.yaml", "--prune", "--secrets-to", "other")
    tenth.write_text(LEFT.reveal(), encoding="ascii")
    _, told = first.communicate()

    assert second.returncode == 0, second.stderr
    assert first.returncode == 1
    lines = told.splitlines(keepends=True)
    refusal = "".join(line for line in lines if line.startswith("grantd: "))
    require_one_line(refusal)
    assert "plan again" in refusal
    state, expected = exported(grantd), yaml.safe_load(wanted)
    assert [(one["id"], one["name"]) for one in state["clients"]] == [
        (one["id"], one["name"]) for one in expected["clients"]
    ]
    assert state["scopes"] == expected["scopes"]
