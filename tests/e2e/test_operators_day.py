"""A day in the operator's life, as docs/operations.md tells it, while clients work all the time."""

import getpass
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused

STATE = """
resources:
  - id: https://orders.example
scopes:
  - name: orders.read
    resource: https://orders.example
  - name: orders.write
    resource: https://orders.example
clients:
  - id: billing
    scope: orders.read orders.write
    default_scope: orders.read
  - id: reports
    scope: [orders.read]
  - id: orders
    serves: [https://orders.example]
"""
AUDIENCE = "https://orders.example"


@pytest.fixture
def grantd(prepare_grantd: Any, store: str) -> GrantdProcess:  # noqa: ANN401  (a fixture's function)
    prepared: GrantdProcess = prepare_grantd(store, {"workers": "2", "audit_log": "./audit.jsonl"})
    (prepared.folder / "grantd.yaml").write_text(STATE)
    (prepared.folder / "secrets").mkdir(mode=0o700)
    return prepared.start()


@dataclass
class Working:
    """A client at work: it asks for tokens and has each verified and introspected.

    Attributes:
        client: Who asks; whoever watches may hand it another secret at any time.
    """

    grantd: GrantdProcess
    client: RegisteredClient
    service: RegisteredClient
    verified: int = 0
    key_ids: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    key_set: dict[str, Any] = field(default_factory=dict)

    def once(self) -> None:
        token = granted(self.grantd.issue(self.client))["access_token"]
        key_id = jwt.get_unverified_header(token)["kid"]
        if key_id not in self.key_set:
            keys = self.grantd.get("/.well-known/jwks.json").json()["keys"]
            self.key_set = {key["kid"]: jwt.PyJWK(key) for key in keys}
        jwt.decode(token, self.key_set[key_id], algorithms=["ES256"], audience=AUDIENCE)
        assert introspected(self.grantd.introspect(self.service, token))["active"]
        self.key_ids.add(key_id)
        self.verified += 1

    def work(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.once()
            except (AssertionError, httpx.HTTPError, jwt.PyJWTError, KeyError) as error:
                self.failures.append(f"{type(error).__name__} after {self.verified}")
            time.sleep(0.05)

    def goes_on(self) -> None:
        """Wait until it has worked some more, and see that nothing ever failed."""
        enough = self.verified + 5
        deadline = time.monotonic() + 20
        while self.verified < enough and not self.failures:
            assert time.monotonic() < deadline, "it does not work any more"
            time.sleep(0.02)
        assert self.failures == []


@contextmanager
def at_work(grantd: GrantdProcess, client_id: str) -> Iterator[Working]:
    working = Working(grantd, given_secret(grantd, client_id), given_secret(grantd, "orders"))
    stop = threading.Event()
    thread = threading.Thread(target=working.work, args=[stop])
    thread.start()
    try:
        yield working
    finally:
        stop.set()
        thread.join()


def given_secret(grantd: GrantdProcess, client_id: str) -> RegisteredClient:
    secret = (grantd.folder / "secrets" / client_id).read_text().strip()
    return RegisteredClient(client_id, secret)


def test_a_day_in_the_operators_life(grantd: GrantdProcess) -> None:
    """Apply a file, rotate a secret, watch the old one, rotate keys, disable, read it all back."""
    # In the morning the state of the file is brought in; a second time there is nothing to do.
    planned = grantd.run("apply", "-f", "grantd.yaml", "--plan")
    assert planned.returncode == 0, planned.stderr
    assert "billing" in planned.stdout
    assert grantd.require("clients", "list") == []
    for _ in range(2):
        applied = grantd.run("apply", "-f", "grantd.yaml", "--secrets-to", "secrets")
        assert applied.returncode == 0, applied.stderr
    assert {one["client_id"] for one in grantd.require("clients", "list")} == {
        "billing",
        "reports",
        "orders",
    }

    with at_work(grantd, "billing") as billing:
        billing.goes_on()

        # A new secret; the old one works on, and it is seen that it does.
        rotated = grantd.require("clients", "rotate-secret", "billing", "--overlap", "24h")
        billing.goes_on()
        old = secret_of(grantd, "billing", but=rotated["secret_id"])
        assert old["last_used_at"] is not None
        assert "127.0.0.1" in old["last_used_from"]
        assert not old["safe_to_delete"]

        # The client has the new one; the old one is ended by hand.
        billing.client = RegisteredClient("billing", rotated["client_secret"])
        billing.goes_on()
        grantd.require("clients", "secrets", "expire", "billing", old["secret_id"])
        billing.goes_on()
        old = secret_of(grantd, "billing", but=rotated["secret_id"])
        assert old["safe_to_delete"], old["reason"]
        grantd.require("clients", "secrets", "delete", "billing", old["secret_id"])

        # A new signing key, at once, since this verifier asks again for a kid it does not know.
        before = set(billing.key_ids)
        rotation = grantd.run("keys", "rotate", "--now", "--yes")
        assert rotation.returncode == 0, rotation.stderr
        billing.goes_on()
        assert billing.key_ids > before

        # A client is disabled and the others do not notice.
        reports = given_secret(grantd, "reports")
        held = granted(grantd.issue(reports, scope="orders.read"))["access_token"]
        grantd.require("clients", "disable", "reports")
        refused(grantd.issue(reports), 401, "invalid_client")
        assert introspected(grantd.introspect(billing.service, held)) == {"active": False}
        billing.goes_on()

    # In the evening it is all read back.
    lines = (grantd.folder / "audit.jsonl").read_text().splitlines()
    trail = [json.loads(line) for line in lines]
    operator = f"cli:{getpass.getuser()}"
    told = [
        (event["event"], event.get("subject", ""), event.get("change", ""))
        for event in trail
        if event.get("actor") == operator
    ]
    require_in_order(
        told,
        ("catalogue.changed", "orders.read", "added"),
        ("client.created", "billing", ""),
        ("client.changed", "billing", f"secret {rotated['secret_id']} added"),
        ("client.changed", "billing", f"secret {old['secret_id']} expires"),
        ("client.changed", "billing", f"secret {old['secret_id']} deleted"),
        ("key.rotated", "", ""),
        ("client.changed", "reports", "disabled"),
    )
    used = [event for event in trail if event["event"] == "secret.used"]
    assert {(event["client_id"], event["subject"]) for event in used} == {
        ("billing", old["secret_id"])
    }
    issued = [event for event in trail if event["event"] == "token.issued"]
    assert len(issued) >= billing.verified
    [refusal] = [event for event in trail if event["event"] == "token.refused"]
    assert (refusal["client_id"], refusal["reason"]) == (
        "reports",
        "invalid_client: the client is disabled",
    )
    for secret in (billing.client.secret, reports.secret):
        assert secret not in "".join(lines)


def secret_of(grantd: GrantdProcess, client_id: str, *, but: str) -> dict[str, Any]:
    """Return the one secret of a client besides *but*."""
    secrets = grantd.require("clients", "secrets", "list", client_id)
    [other] = [secret for secret in secrets if secret["secret_id"] != but]
    found: dict[str, Any] = other
    return found


def require_in_order(told: list[tuple[str, str, str]], *expected: tuple[str, str, str]) -> None:
    """See that each of *expected* was told, one behind the other; texts may say more."""
    position = 0
    for event, subject, change in expected:
        while position < len(told):
            found = told[position]
            position += 1
            if found[0] == event and subject in found[1] and change in found[2]:
                break
        else:
            raise AssertionError(f"{event} {subject} {change} is missing in {told}")
