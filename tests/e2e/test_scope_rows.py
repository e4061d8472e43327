"""The rows SCP of the conformance matrix: what may be asked for, and what is granted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, refused
from support.raw_http import within

READ, WRITE, PAY = "orders.read", "orders.write", "invoices.pay"
LONGEST_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class World:
    """A server and two clients that may ask for different things.

    Attributes:
        client: It may read and write orders, and reads them by default.

        payer: It may pay invoices, and has no default.
    """

    server: GrantdProcess
    client: RegisteredClient
    payer: RegisteredClient

    def issue(self, **form: str) -> dict[str, Any]:
        return granted(self.server.issue(self.client, **form))

    def refuse(self, scope: str) -> dict[str, Any]:
        """Demand that a scope is refused, with no token, and the next request answered."""
        members = refused(self.server.issue(self.client, scope=scope), 400, "invalid_scope")
        self.issue()
        return members


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store)
    server.create_scopes(READ, WRITE, PAY)
    flags = {
        "orders": ("--scope", f"{READ} {WRITE}", "--default-scope", READ),
        "payer": ("--scope", PAY),
    }
    return World(server, *server.create_clients(flags))


def claims_of(members: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        members["access_token"], options={"verify_signature": False}
    )
    return claims


@pytest.mark.parametrize("asked", [[READ], [WRITE], [READ, WRITE], [WRITE, READ]])
def test_SCP_001_allowed_scopes_are_granted_in_any_order(world: World, asked: list[str]) -> None:
    """RFC 6749 §3.3: no more than was asked for, as one string with single spaces."""
    members = world.issue(scope=" ".join(asked))
    assert members["scope"] == " ".join(sorted(asked))
    assert claims_of(members)["scope"] == members["scope"]


def test_SCP_002_without_a_scope_the_default_is_granted_and_reported(world: World) -> None:
    """RFC 6749 §3.3: no `scope`, or one without a value, means the registered default."""
    for members in (world.issue(), world.issue(scope="")):
        assert members["scope"] == READ
        assert claims_of(members)["scope"] == READ


def test_SCP_002_without_a_default_nothing_is_granted_and_that_is_reported(world: World) -> None:
    """The default may be nothing; then the token has no `scope`, and the reply an empty one."""
    members = granted(world.server.issue(world.payer))
    assert members["scope"] == ""
    assert "scope" not in claims_of(members)


@pytest.mark.parametrize(
    "scope",
    [
        *("orders.delete", PAY, "Orders.Read", "ORDERS.READ"),
        *("orders.rea", "orders", "o", "orders.read.all", "orders.reads", ".orders.read"),
        *("*", "orders.*", "orders.read*", "orders.read,orders.write", "orders.read%20"),
        *("orders.read/", "orders.read+orders.write", "orders.read;orders.write"),
    ],
)
def test_SCP_003_a_scope_that_is_not_the_clients_is_refused(world: World, scope: str) -> None:
    """RFC 6749 §3.3: they are compared whole and case-sensitively; the hint names the value."""
    assert world.refuse(scope)["hint"] == f"not granted: {scope}"


def test_SCP_003_each_client_has_scopes_of_its_own(world: World) -> None:
    """What is refused to one is granted to the other."""
    assert granted(world.server.issue(world.payer, scope=PAY))["scope"] == PAY
    refused(world.server.issue(world.payer, scope=READ), 400, "invalid_scope")


@pytest.mark.parametrize("stray", [PAY, "orders.delete"])
def test_SCP_004_nothing_is_dropped_silently(world: World, stray: str) -> None:
    """One scope too many refuses the request, and the hint names that one only."""
    for scope in (f"{READ} {stray}", f"{stray} {READ} {WRITE}", f"{READ} {stray} {WRITE}"):
        assert world.refuse(scope)["hint"] == f"not granted: {stray}"


@pytest.mark.parametrize(
    "character",
    [
        *('"', "\\", "\t", "\n", "\r\n", "\x0b", "\x0c", "\x00", "\x1f", "\x7f"),
        *("é", "\u00a0", "\u2003", "\u2028", "\u200b", "\ufeff", "\U0001f511"),
    ],
    ids=ascii,
)
def test_SCP_005_a_character_outside_the_grammar_is_refused(world: World, character: str) -> None:
    """RFC 6749 App. A.4: it neither belongs to a scope nor separates two."""
    for scope in (
        character,
        f"{READ}{character}",
        f"{character}{READ}",
        f"{READ}{character}{WRITE}",
        f"{READ} {character} {WRITE}",
        f"orders{character}.read",
    ):
        world.refuse(scope)


@pytest.mark.parametrize(
    "scope", [" ", "  ", f" {READ}", f"{READ} ", f"{READ}  {WRITE}", f" {READ} {WRITE} "]
)
def test_SCP_006_a_space_too_many_is_refused(world: World, scope: str) -> None:
    """RFC 6749 §3.3: single spaces delimit, and there is no empty scope token."""
    world.refuse(scope)


@pytest.mark.parametrize("asked", [[READ] * 2, [READ] * 50, [WRITE, READ, WRITE, READ]])
def test_SCP_007_a_scope_named_twice_is_reported_once(world: World, asked: list[str]) -> None:
    """RFC 6749 §3.3: it is a set."""
    members = world.issue(scope=" ".join(asked))
    assert members["scope"] == " ".join(sorted(set(asked)))
    assert claims_of(members)["scope"] == members["scope"]


@pytest.mark.parametrize(
    "scope",
    [
        "s" * 20_000,
        " ".join(f"scope{number}" for number in range(2_000)),
        " ".join([*(f"scope{number}" for number in range(2_000)), READ]),
        " " * 20_000,
    ],
    ids=["one_of_20_kB", "two_thousand", "two_thousand_and_an_allowed_one", "spaces_alone"],
)
def test_SCP_008_a_huge_scope_is_refused_in_bounded_time(world: World, scope: str) -> None:
    """It costs no more than another request, and the reply stays small."""
    with within(LONGEST_WAIT):
        reply = world.server.issue(world.client, scope=scope)
    refused(reply, 400, "invalid_scope")
    assert len(reply.content) < 1_024
    world.issue()


def test_SCP_008_a_hint_names_ten_scopes_at_most(world: World) -> None:
    """Of many that are refused."""
    members = world.refuse(" ".join(f"scope{number}" for number in range(2_000)))
    assert len(members["hint"].removeprefix("not granted: ").split(" ")) == 10
