"""What was last used, as operators see it: of secrets, scopes, grants and clients."""

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted
from support.polling import wait_until

REGISTERED = ("reader", "sleeper")
_AGE = timedelta(seconds=8)

REFRESHING = ("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token")


@pytest.fixture(scope="module")
def grantd(start_grantd: Any, store: str) -> GrantdProcess:  # noqa: ANN401  (a fixture's function)
    grantd: GrantdProcess = start_grantd(store)
    grantd.create_scopes("books.read", "books.write")
    return grantd


@pytest.fixture(scope="module")
def reader(grantd: GrantdProcess) -> RegisteredClient:
    """A client with more than it will use."""
    scope = ("--scope", "books.read books.write", "--default-scope", "books.read books.write")
    return grantd.create_client("reader", *scope, *REFRESHING)


@pytest.fixture(scope="module")
def sleeper(grantd: GrantdProcess) -> RegisteredClient:
    """A client that never comes."""
    return grantd.create_client("sleeper")


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def secrets(grantd: GrantdProcess, client_id: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = grantd.require("clients", "secrets", "list", client_id)
    return listed


def wait_for_use(grantd: GrantdProcess, client_id: str, place: int = 0) -> list[dict[str, Any]]:
    """Return the secrets once the use of one is known."""
    found: list[dict[str, Any]] = []

    def is_known() -> bool:
        found[:] = secrets(grantd, client_id)
        return found[place]["last_used_at"] is not None

    wait_until(is_known)
    return found


def events(grantd: GrantdProcess, kind: str) -> list[dict[str, Any]]:
    lines = [line for line in grantd.log.read_text().splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event.get("event") == kind]


@pytest.mark.usefixtures("reader", "sleeper")  # so that they are old enough when they are needed
class TestSecrets:
    def test_an_old_secret_shows_until_nobody_uses_it(self, grantd: GrantdProcess) -> None:
        """A rotation as an operator goes through it."""
        old = grantd.create_client("rotating")
        rotated = grantd.require("clients", "rotate-secret", old.client_id, "--overlap", "1h")
        new = RegisteredClient(old.client_id, rotated["client_secret"])

        began = now() - timedelta(seconds=1)
        granted(grantd.issue(old))
        before, after = wait_for_use(grantd, old.client_id)

        assert began <= datetime.fromisoformat(before["last_used_at"]) <= now()
        assert before["last_used_from"] == "127.0.0.1"
        assert (before["safe_to_delete"], before["reason"]) == (
            False,
            "it was used less than a minute ago",
        )
        assert (after["last_used_at"], after["last_used_from"]) == (None, None)
        assert (after["safe_to_delete"], after["reason"]) == (False, "no other one works as long")
        [told] = events(grantd, "secret.used")
        assert (told["client_id"], told["outcome"]) == ("rotating", "granted")
        assert told["subject"] == before["secret_id"]
        assert told["address"] == "127.0.0.1"
        since = datetime.fromisoformat(told["change"].removeprefix("there is a newer one since "))
        assert timedelta() <= datetime.fromisoformat(after["created_at"]) - since
        assert old.secret not in grantd.log.read_text()

        granted(grantd.issue(new))
        wait_for_use(grantd, old.client_id, 1)
        grantd.require("clients", "secrets", "expire", old.client_id, before["secret_id"])
        table = grantd.run("clients", "secrets", "list", old.client_id).stdout
        ended, working = (line for line in table.splitlines() if "127.0.0.1" in line)

        assert "yes: it has expired" in ended
        assert "no: it is the only one that works" in working
        assert events(grantd, "secret.used") == [told]

    def test_what_was_noted_a_moment_before_the_end_is_kept(
        self, prepare_grantd: Callable[..., GrantdProcess], store: str
    ) -> None:
        """SIGTERM writes it."""
        grantd = prepare_grantd(store).start()
        client = grantd.create_client("hasty")

        granted(grantd.issue(client))
        assert grantd.stop() == 0

        [used] = secrets(grantd, client.client_id)
        assert used["last_used_from"] == "127.0.0.1"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("sleeper")
class TestUnused:
    def test_what_nobody_uses_is_reported_with_the_way_to_take_it_away(
        self, grantd: GrantdProcess, reader: RegisteredClient
    ) -> None:
        """A scope, a grant and a whole client; who is younger is passed over."""
        made = [one for one in grantd.require("clients", "list") if one["client_id"] in REGISTERED]
        last_made = max(datetime.fromisoformat(one["created_at"]) for one in made)
        wait_until(lambda: now() > last_made + _AGE, within=2 * _AGE.total_seconds())
        began = now()
        granted(grantd.issue(reader, scope="books.read"))
        wait_for_use(grantd, "reader")
        grantd.create_client("newborn")

        def since() -> tuple[str, str]:
            """Look back to a moment between their making and their use."""
            ago = now() - began + (began - last_made) / 2
            return "--since", f"{math.ceil(ago.total_seconds())}s"

        young = grantd.run("clients", "unused")
        report = grantd.require("clients", "unused", *since())
        table = grantd.run("clients", "unused", *since())

        assert (young.returncode, young.stdout) == (0, ""), young.stderr
        assert "too young to tell" in young.stderr
        assert "nobody can tell" in young.stderr
        assert last_made < datetime.fromisoformat(report["since"]) < began
        found = {one["client_id"]: one for one in report["clients"]}
        assert found["reader"]["presence"] == "came"
        assert found["reader"]["unused_scope"] == "books.write"
        assert found["reader"]["unused_grant_types"] == ["refresh_token"]
        assert found["sleeper"]["presence"] == "never_seen"
        assert found["sleeper"]["suggestions"] == ["grantd clients disable sleeper"]
        assert found["newborn"]["presence"] == "too_young"
        assert found["newborn"]["suggestions"] == []
        assert table.returncode == 0
        assert "reader, last seen" in table.stdout
        assert "sleeper, never seen" in table.stdout
        assert "newborn" not in table.stdout

        suggested = found["reader"]["suggestions"]
        assert suggested == [
            "grantd clients update reader --scope books.read --default-scope books.read",
            "grantd clients update reader --grant client_credentials --no-issue-refresh-token",
        ]
        for command in suggested:
            assert command in table.stdout
            grantd.require(*command.split()[1:])
        granted(grantd.issue(reader))
