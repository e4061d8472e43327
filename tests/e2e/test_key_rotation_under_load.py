"""A whole rotation on a schedule of seconds, four workers, and a verifier that caches."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted

SUPPORT = Path(__file__).parents[1] / "support"

SHORTLY = {
    "workers": "4",
    "access_token_ttl": "4s",
    "jwks_max_age": "1s",
    "key_announcement": "61s",
    "key_rotation_interval": "62s",
}
PAUSE = 0.12
LONG_ENOUGH = 6.0  # for tokens of the old key to end, and the new one's first to be seen twice
PATIENCE = 110.0


class Verifier:
    """A process that verifies what it is told, with its own copy of the key set."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def tell(self, token: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(token + "\n")
        self._process.stdin.flush()

    def verdict(self) -> dict[str, Any]:
        """Let it verify what is left, and return what it found."""
        found, _ = self._process.communicate(timeout=30)
        assert self._process.returncode == 0
        verdict: dict[str, Any] = json.loads(found)
        return verdict


@contextmanager
def verifier(server: GrantdProcess) -> Iterator[Verifier]:
    process = subprocess.Popen(
        [
            sys.executable,
            str(SUPPORT / "caching_verifier.py"),
            f"{server.url}/.well-known/jwks.json",
            server.issuer,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Verifier(process)
    finally:
        process.kill()
        process.wait()


def issue_until_both_keys_have_signed(
    server: GrantdProcess, client: RegisteredClient, told: Verifier
) -> list[str]:
    """Issue tokens at a steady pace, and return the keys that signed, in the order of their first.

    Each request has a connection of its own, so that all workers are asked.
    """
    signers: list[str] = []
    started = stop = time.monotonic()
    while len(signers) < 2 or time.monotonic() < stop:
        assert time.monotonic() < started + PATIENCE, "no rotation"
        token = granted(server.issue(client))["access_token"]
        told.tell(token)
        key_id = jwt.get_unverified_header(token)["kid"]
        if key_id not in signers:
            signers.append(key_id)
            stop = time.monotonic() + LONG_ENOUGH
        time.sleep(PAUSE)
    return signers


def rotations(server: GrantdProcess, key_id: str) -> list[dict[str, Any]]:
    """Return the events that tell of a key's announcement."""
    lines = (line for line in server.log.read_text().splitlines() if line.startswith("{"))
    events = map(json.loads, lines)
    return [
        event for event in events if event["event"] == "key.rotated" and event["subject"] == key_id
    ]


@pytest.mark.waits
@pytest.mark.timeout(180)
def test_JWK_007_an_automatic_rotation_under_load_drops_not_one_verification(
    prepare_grantd: Callable[..., GrantdProcess],
) -> None:
    """D6, proved from outside: no cron, no command, and nobody notices."""
    server = prepare_grantd("sqlite", SHORTLY)
    client = server.create_client("one")
    began = time.monotonic()
    server.start()

    with verifier(server) as told:
        signers = issue_until_both_keys_have_signed(server, client, told)
        verdict = told.verdict()
    took = time.monotonic() - began

    assert verdict["failures"] == []
    assert list(verdict["signed_by"]) == signers
    assert len(signers) == 2
    assert verdict["verified"] == sum(verdict["signed_by"].values())
    assert min(verdict["signed_by"].values()) > 20
    # It obeyed the header: it neither asked for every token nor kept a copy for good.
    assert 20 < verdict["fetched"] <= took + 1

    # One announcement, and the keys with the states that the schedule says.
    assert len(rotations(server, signers[1])) == 1
    states = {key["kid"]: key["state"] for key in server.require("keys", "list")}
    assert states[signers[0]] == "retired"
    assert states[signers[1]] == "active"
