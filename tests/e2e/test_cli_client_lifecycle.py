"""Clients and their secrets, changed from the command line while two workers serve them."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from support.client_assertions import MacKey, assertion_form, sign_assertion
from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused
from support.transcripts import Step, play, require_one_line

GENERATED = r"gds_[0-9a-f]{8}_[A-Za-z0-9_-]{43}_[0-9a-f]{8}"
BOOKS = "https://books.example"
BY_BOTH = ("client_secret_basic", "client_secret_jwt")
REFRESHING = ("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token")

# Being refused over and over is what is tested here.
UNLIMITED = dict.fromkeys(
    ("failures_per_client_and_source", "failures_per_client", "failures_per_source"), "off"
)

# What the command line alone decides is the same on every store.
on_one_store = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

# As many requests, each on a connection of its own, as make both workers answer.
_ASKED = 6


@pytest.fixture(scope="module")
def grantd(start_grantd: Any, store: str) -> GrantdProcess:  # noqa: ANN401  (a fixture's function)
    grantd: GrantdProcess = start_grantd(store, settings={"workers": "2", **UNLIMITED})
    grantd.create_scopes("books.read", "books.write")
    grantd.require("resources", "create", BOOKS)
    return grantd


def ask_everywhere(grantd: GrantdProcess, client: RegisteredClient) -> list[httpx.Response]:
    return [grantd.issue(client) for _ in range(_ASKED)]


def require_works(grantd: GrantdProcess, client: RegisteredClient) -> None:
    for reply in ask_everywhere(grantd, client):
        granted(reply)


def require_refused(grantd: GrantdProcess, client: RegisteredClient) -> None:
    for reply in ask_everywhere(grantd, client):
        refused(reply, 401, "invalid_client")


def is_active(grantd: GrantdProcess, caller: RegisteredClient, token: str) -> bool:
    seen = {introspected(grantd.introspect(caller, token))["active"] for _ in range(_ASKED)}
    [active] = seen
    return bool(active)


class TestStopping:
    def test_what_a_disabled_client_held_ends_and_does_not_come_back(
        self, grantd: GrantdProcess
    ) -> None:
        """It is refused from the very next request on, and let in again by the next."""
        gateway = grantd.create_client("gateway", "--introspect-any")
        leaver = grantd.create_client("leaver", *REFRESHING)
        held = granted(grantd.issue(leaver))
        assert is_active(grantd, gateway, held["access_token"])

        play(
            grantd.run,
            Step(
                command=["clients", "disable", "leaver"],
                stderr=[r"^Client leaver is disabled, and all it held has ended\.$"],
            ),
        )
        require_refused(grantd, leaver)
        refused(grantd.refresh(leaver, held["refresh_token"]), 401, "invalid_client")
        assert not is_active(grantd, gateway, held["access_token"])
        assert not is_active(grantd, gateway, held["refresh_token"])
        assert grantd.require("clients", "show", "leaver")["state"] == "disabled"

        play(
            grantd.run,
            Step(command=["clients", "enable", "leaver"], stderr=[r"^Client leaver is enabled\.$"]),
        )
        require_works(grantd, leaver)
        assert not is_active(grantd, gateway, held["access_token"])
        refused(grantd.refresh(leaver, held["refresh_token"]), 400, "invalid_grant")
        anew = granted(grantd.issue(leaver))
        assert is_active(grantd, gateway, anew["access_token"])

    def test_to_revoke_all_ends_what_it_held_and_nothing_more(self, grantd: GrantdProcess) -> None:
        """Opaque tokens, signed ones and refresh tokens alike."""
        suspect = grantd.create_client("suspect", *REFRESHING)
        opaque = grantd.create_client("opaque", "--token-format", "opaque")
        held = granted(grantd.issue(suspect))
        held_opaque = granted(grantd.issue(opaque))

        for name in ("suspect", "opaque"):
            assert grantd.require("clients", "revoke-all", name)["state"] == "enabled"

        assert not is_active(grantd, suspect, held["access_token"])
        assert not is_active(grantd, opaque, held_opaque["access_token"])
        refused(grantd.refresh(suspect, held["refresh_token"]), 400, "invalid_grant")
        anew = granted(grantd.issue(suspect))
        assert is_active(grantd, suspect, anew["access_token"])
        granted(grantd.refresh(suspect, anew["refresh_token"]))


class TestUpdate:
    def test_the_very_next_request_sees_a_change(self, grantd: GrantdProcess) -> None:
        """What was not given stays."""
        reader = grantd.create_client(
            "reader", "--scope", "books.read", "--default-scope", "books.read", "--owner", "ada"
        )
        refused(grantd.issue(reader, scope="books.write"), 400, "invalid_scope")

        changed = grantd.require(
            *("clients", "update", "reader", "--scope", "books.read books.write"),
            *("--access-token-ttl", "2m", "--name", "Reader", "--if-version", "1"),
        )

        for _ in range(_ASKED):
            token = granted(grantd.issue(reader, scope="books.write"))
            assert token["expires_in"] == 120
        assert changed == grantd.require("clients", "show", "reader")
        kept = {"version": 2, "default_scope": "books.read", "owner": "ada", "name": "Reader"}
        assert {name: changed[name] for name in kept} == kept

    @on_one_store
    def test_every_flag_reaches_the_client_and_can_be_taken_back(
        self, grantd: GrantdProcess
    ) -> None:
        """What is typed is what is kept."""
        grantd.create_client("various", "--owner", "ada")
        flags = f"""--grant client_credentials --grant refresh_token --issue-refresh-token
            --scope books.read --default-scope books.read --audience {BOOKS} --serves {BOOKS}
            --default-audience {BOOKS} --introspect-any --subject owner --refresh-token-ttl 7d
            --access-token-ttl 1m --token-format opaque --auth-method client_secret_post"""
        expected = {
            "grant_types": ["client_credentials", "refresh_token"],
            "issue_refresh_token": True,
            "scope": "books.read",
            "default_scope": "books.read",
            "audiences": [BOOKS],
            "serves": [BOOKS],
            "default_audience": BOOKS,
            "introspect_any": True,
            "subject": "owner",
            "refresh_token_ttl": "7d",
            "access_token_ttl": "1m",
            "token_format": "opaque",
            "auth_methods": ["client_secret_post"],
        }
        changed = grantd.require("clients", "update", "various", *flags.split())
        assert {name: changed[name] for name in expected} == expected

        flags = """--grant client_credentials --no-issue-refresh-token --no-introspect-any
            --subject client --unset scope --unset default-scope --unset audience --unset serves
            --unset default-audience --unset refresh-token-ttl --unset access-token-ttl
            --unset token-format --auth-method client_secret_basic --name"""
        back = grantd.require("clients", "update", "various", *flags.split(), "")
        plain = grantd.require("clients", "create", "--id", "plain", "--owner", "ada")
        own = {"client_id", "client_secret", "created_at", "version", "secrets", "auth_methods"}
        assert {name: back[name] for name in back.keys() - own} == {
            name: plain[name] for name in plain.keys() - own
        }

    @on_one_store
    def test_a_refusal_is_one_line_and_changes_nothing(self, grantd: GrantdProcess) -> None:
        """Wrong usage, what contradicts itself, and what somebody else changed first."""
        grantd.create_client("steady")
        for flags, status, said in (
            ("--if-version 7 --name x", 1, r"does not allow that change.*of version 1 and not 7"),
            ("--scope nothing", 1, r"unknown scope: nothing"),
            ("--owner ada", 2, r"No such option: --owner"),
            ("", 2, r"nothing to change"),
            ("--scope books.read --unset scope", 2, r"--scope and --unset scope at once"),
            ("--auth-method client_secret_jwt", 1, r"secret that is kept.*--new-secret"),
            ("--auth-method private_key_jwt", 1, r"needs either jwks or jwks_uri"),
        ):
            done = grantd.run("clients", "update", "steady", *flags.split())
            assert (done.returncode, done.stdout) == (status, "")
            require_one_line(done.stderr)
            assert re.search(rf"^grantd: .*{said}", done.stderr)
        assert grantd.require("clients", "show", "steady")["version"] == 1

    @on_one_store
    def test_the_help_says_that_an_owner_never_changes(self, grantd: GrantdProcess) -> None:
        words = " ".join(grantd.run("clients", "update", "--help").stdout.split())
        assert "id and its owner never change" in words

    @on_one_store
    def test_a_client_learns_to_sign_and_forgets_it(self, grantd: GrantdProcess) -> None:
        """The secret to sign with is made in the same step, and erased with the method."""
        before = grantd.create_client("signer")
        flags = [flag for method in BY_BOTH for flag in ("--auth-method", method)]
        made = grantd.require("clients", "update", "signer", *flags, "--new-secret")
        signer = RegisteredClient("signer", made["client_secret"])
        assert [secret["recoverable"] for secret in made["secrets"]] == [False, True]

        def assert_itself() -> httpx.Response:
            key = MacKey(signer.secret.encode())
            form = assertion_form(sign_assertion("signer", grantd.issuer, key))
            return grantd.post("/access_token", {"grant_type": "client_credentials", **form})

        granted(assert_itself())
        added = grantd.require("clients", "secrets", "add", "signer")
        assert [one["recoverable"] for one in added["secrets"]] == [False, True, True]

        back = grantd.require("clients", "update", "signer", "--auth-method", BY_BOTH[0])
        assert not any(secret["recoverable"] for secret in back["secrets"])
        refused(assert_itself(), 401, "invalid_client")
        require_works(grantd, before)
        require_works(grantd, signer)
        refusal = grantd.run("clients", "update", "signer", *flags)
        assert "--new-secret" in refusal.stderr


class TestSecrets:
    def test_old_and_new_work_for_the_overlap_and_then_the_new_alone(
        self, grantd: GrantdProcess
    ) -> None:
        """On every worker, without anybody telling them."""
        old = grantd.create_client("rotating")
        (printed,) = play(
            grantd.run,
            Step(
                command=["clients", "rotate-secret", "rotating", "--overlap", "2s"],
                stdout=[r"^client_id +rotating$", r"^secret_id ", rf"^client_secret +{GENERATED}$"],
                stderr=[r"Keep the secret now", r"Older secrets work for 2s at most"],
            ),
        )
        rotated_by = time.monotonic()
        [secret] = re.findall(GENERATED, printed)
        new = RegisteredClient("rotating", secret)
        granted(grantd.issue(old))
        require_works(grantd, new)

        time.sleep(max(0.0, rotated_by + 2.1 - time.monotonic()))
        require_refused(grantd, old)
        require_works(grantd, new)
        play(
            grantd.run,
            Step(
                command=["clients", "secrets", "list", "rotating"],
                stdout=[
                    r"SECRET ID +LABEL +CREATED +EXPIRES +LAST USED +SAFE TO DELETE",
                    r" yes: it has expired",
                    r" no: it is the only one that works",
                ],
            ),
        )

    def test_without_an_overlap_the_very_next_request_is_refused(
        self, grantd: GrantdProcess
    ) -> None:
        old = grantd.create_client("leaked")
        made = grantd.require("clients", "rotate-secret", "leaked", "--overlap", "0s")
        require_refused(grantd, old)
        require_works(grantd, RegisteredClient("leaked", made["client_secret"]))

    @on_one_store
    def test_a_day_is_the_overlap_if_none_is_given(self, grantd: GrantdProcess) -> None:
        old = grantd.create_client("daily")
        made = grantd.require("clients", "rotate-secret", "daily", "--label", "spring")
        older, newer = made["secrets"]
        assert older["expires_at"] > newer["created_at"]
        assert (newer["label"], newer["expires_at"]) == ("spring", None)
        require_works(grantd, old)

    def test_secrets_are_added_listed_expired_and_deleted(self, grantd: GrantdProcess) -> None:
        """The last that works stays, unless one insists; then a new one helps."""
        first = grantd.create_client("several")
        added = grantd.require(
            *("clients", "secrets", "add", "several", "--label", "region two"),
            *("--expires-in", "1h"),
        )
        second = RegisteredClient("several", added["client_secret"])
        require_works(grantd, first)
        require_works(grantd, second)
        listed = grantd.require("clients", "secrets", "list", "several")
        assert [(one["label"], one["state"]) for one in listed] == [
            ("", "working"),
            ("region two", "working"),
        ]
        assert first.secret not in json.dumps(listed)
        ids = [one["secret_id"] for one in listed]
        assert ids == [first.secret.split("_")[1], added["secret_id"]]

        play(
            grantd.run,
            *(
                Step(
                    command=["clients", "secrets", act, "several", ids[0]],
                    status=1,
                    stderr=[r"^grantd: The client would be left without a secret that works\. "],
                )
                for act in ("expire", "delete")
            ),
            Step(
                command=["clients", "secrets", "expire", "several", ids[1]],
                stderr=[rf"^Secret {ids[1]} of several has ended\.$"],
            ),
            Step(
                command=["clients", "secrets", "expire", "several", ids[1], "--in", "1h"],
                status=1,
                stderr=[r"it has expired already"],
            ),
        )
        require_refused(grantd, second)
        require_works(grantd, first)
        play(
            grantd.run,
            Step(command=["clients", "secrets", "delete", "several", ids[1]]),
            Step(
                command=["clients", "secrets", "delete", "several", ids[1]],
                status=1,
                stderr=[rf"^grantd: The client has no such secret\. \({ids[1]}\)$"],
            ),
            Step(
                command=["clients", "secrets", "delete", "several", ids[0], "--even-the-last"],
                stderr=[rf"^Secret {ids[0]} of several is deleted\.$"],
            ),
            Step(
                command=["clients", "secrets", "list", "several"],
                stderr=[r"^Client several has no secret\.$"],
            ),
        )
        require_refused(grantd, first)
        again = grantd.require("clients", "secrets", "add", "several")
        require_works(grantd, RegisteredClient("several", again["client_secret"]))

    def test_of_two_commands_at_once_neither_undoes_the_other(self, grantd: GrantdProcess) -> None:
        """Both secrets are there, and the name too."""
        first = grantd.create_client("contended")
        commands = (
            ("clients", "secrets", "add", "contended", "--label", "a"),
            ("clients", "secrets", "add", "contended", "--label", "b"),
            ("clients", "update", "contended", "--name", "Contended"),
        )
        with ThreadPoolExecutor(len(commands)) as pool:
            made = list(pool.map(lambda command: grantd.require(*command), commands))

        client = grantd.require("clients", "show", "contended")
        assert (client["name"], client["version"]) == ("Contended", 4)
        assert sorted(one["label"] for one in client["secrets"]) == ["", "a", "b"]
        require_works(grantd, first)
        for one in made[:2]:
            require_works(grantd, RegisteredClient("contended", one["client_secret"]))


@on_one_store
def test_the_audit_trail_tells_what_was_changed(grantd: GrantdProcess) -> None:
    """By name, and never a secret."""
    grantd.create_client("watched")
    commands = (
        ("disable", "watched"),
        ("enable", "watched"),
        ("revoke-all", "watched"),
        ("rotate-secret", "watched", "--overlap", "0s"),
        ("update", "watched", "--name", "Watched"),
    )
    lines = []
    for command in commands:
        done = grantd.run("clients", *command)
        assert done.returncode == 0, done.stderr
        secrets = re.findall(GENERATED, done.stdout)
        assert not any(secret in done.stderr for secret in secrets)
        lines += [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]

    assert {line["event"] for line in lines} == {"client.changed"}
    assert {line["subject"] for line in lines} == {"watched"}
    changes = [re.sub(r"[0-9a-f]{8}|\d{4}-.*?Z|\d{4}-[^,]*", "*", one["change"]) for one in lines]
    assert changes == [
        "disabled, epoch",
        "enabled",
        "epoch",
        "secret * expires *, secret * added",
        "name",
    ]
