"""The rows RES of the conformance matrix: whom a token is for (RFC 8707)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused
from support.raw_http import within

ORDERS = "https://orders.example"
BILLING = "https://billing.example/api?version=2"
LEDGER = "urn:example:ledger"
ARCHIVE = "https://archive.example"
READ, FILE = "orders.read", "archive.file"
LONGEST_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class World:
    """A server that knows four resources, and who may ask for which.

    Attributes:
        buyer: It may ask for all but the archive, and for none by default.

        opaque: The same with opaque tokens.

        archivist: It may ask for the archive alone, through the scope that
            the archive owns.

        biller: Its tokens are for billing unless it says otherwise.
    """

    server: GrantdProcess
    buyer: RegisteredClient
    opaque: RegisteredClient
    archivist: RegisteredClient
    biller: RegisteredClient

    def ask(
        self, *resources: str, client: RegisteredClient | None = None, scope: str = ""
    ) -> httpx.Response:
        sent = [("grant_type", "client_credentials"), ("scope", scope)]
        sent += [("resource", resource) for resource in resources]
        return self.server.post("/access_token", sent, auth=(client or self.buyer).basic)

    def audience(
        self, *resources: str, client: RegisteredClient | None = None, scope: str = ""
    ) -> list[str]:
        """Return the audience of a token, which its introspection has to confirm."""
        asker = client or self.buyer
        token = granted(self.ask(*resources, client=asker, scope=scope))["access_token"]
        told = introspected(self.server.introspect(asker, token))["aud"]
        if asker is not self.opaque:
            assert claims_of(token)["aud"] == told
        return [told] if isinstance(told, str) else list(told)

    def refuse(self, *resources: str) -> dict[str, Any]:
        """Demand that a request is refused, with no token, and the next one answered."""
        members = refused(self.ask(*resources), 400, "invalid_target")
        assert self.audience(ORDERS) == [ORDERS]
        return members


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store)
    for resource in (ORDERS, BILLING, LEDGER, ARCHIVE):
        server.require("resources", "create", resource)
    server.create_scopes(READ)
    server.require("scopes", "create", FILE, "--resource", ARCHIVE)
    own = ("--audience", ORDERS, "--audience", BILLING, "--audience", LEDGER, "--scope", READ)
    flags: dict[str, Sequence[str]] = {
        "buyer": own,
        "opaque": (*own, "--token-format", "opaque"),
        "archivist": ("--scope", FILE),
        "biller": ("--audience", ORDERS, "--default-audience", BILLING),
    }
    return World(server, *server.create_clients(flags))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize("resource", [ORDERS, BILLING, LEDGER])
def test_RES_001_the_audience_is_exactly_the_resource(world: World, resource: str) -> None:
    """RFC 9068 §3: as it was registered, with its query, or without any host."""
    token = granted(world.ask(resource))["access_token"]
    assert claims_of(token)["aud"] == resource
    assert world.audience(resource) == [resource]
    assert world.audience(resource, client=world.opaque) == [resource]


def test_RES_001_the_issuer_is_a_resource_that_all_may_name(world: World) -> None:
    """A token for grantd itself."""
    assert world.audience(world.server.issuer) == [world.server.issuer]


@pytest.mark.parametrize(
    "malformed",
    [
        *("orders", "/orders", "//orders.example", "orders.example/api", "?orders", "."),
        *("https:", "https://", "https:///api", "https://:443", "https:orders.example"),
        *("https:\\\\orders.example", "https:/\\orders.example", "https://orders.example\\api"),
        *(f"{ORDERS}#", f"{ORDERS}#top", f"{BILLING}#", f"{LEDGER}#", "#"),
        *("https://orders.example ", " https://orders.example", "https://orders.\u00e9xample"),
        *("https://[orders.example", "https://orders.example/<api>", "1https://orders.example"),
    ],
)
def test_RES_002_what_is_no_absolute_uri_without_a_fragment_is_refused(
    world: World, malformed: str
) -> None:
    """RFC 8707 §2: an empty fragment is one, too; the hint shows what was meant."""
    shown = "".join(one if one.isascii() and one != "\\" else "?" for one in malformed)
    assert world.refuse(malformed)["hint"] == shown


@pytest.mark.parametrize(
    "stranger", ["https://nowhere.example", "urn:example:nothing", "https://orders.example.evil"]
)
def test_RES_003_an_unknown_resource_is_refused(world: World, stranger: str) -> None:
    """RFC 8707 §2: nobody gets a token for what is not registered."""
    assert world.refuse(stranger)["hint"] == stranger


def test_RES_003_a_resource_of_other_clients_is_refused_like_an_unknown_one(world: World) -> None:
    """It differs in the hint alone, which is what the client sent."""
    assert world.audience(ARCHIVE, client=world.archivist) == [ARCHIVE]
    foreign, unknown = world.refuse(ARCHIVE), world.refuse("https://nowhere.example")
    assert foreign.pop("hint") == ARCHIVE
    assert unknown.pop("hint") == "https://nowhere.example"
    assert foreign == unknown
    refused(world.ask(ORDERS, client=world.archivist), 400, "invalid_target")


@pytest.mark.parametrize("asked", [[ORDERS, BILLING], [BILLING, LEDGER, ORDERS]])
def test_RES_004_several_resources_are_all_in_the_audience(world: World, asked: list[str]) -> None:
    """RFC 8707 §2: the parameter may repeat."""
    assert sorted(world.audience(*asked)) == sorted(asked)
    assert sorted(world.audience(*asked, client=world.opaque)) == sorted(asked)


def test_RES_004_a_resource_named_twice_is_in_the_audience_once(world: World) -> None:
    """It is a set."""
    assert world.audience(ORDERS, ORDERS) == [ORDERS]


@pytest.mark.parametrize("stray", ["https://nowhere.example", ARCHIVE, "orders", f"{ORDERS}#"])
def test_RES_005_one_resource_too_many_refuses_the_request(world: World, stray: str) -> None:
    """RFC 8707 §2: no partial token, whichever is named first."""
    for asked in ((ORDERS, stray), (stray, ORDERS), (ORDERS, stray, BILLING)):
        assert world.refuse(*asked)["hint"] == stray


@pytest.mark.parametrize(
    "almost",
    [
        *(f"{ORDERS}/", f"{ORDERS}?", f"{ORDERS}:443", f"{ORDERS}/.", f"{ORDERS}?a=b"),
        *("https://Orders.example", "HTTPS://orders.example", "http://orders.example"),
        *("https://orders.exampl", "https://orders.example.", "https://user@orders.example"),
        *("https://order%73.example", "https://billing.example/api", f"{BILLING}&more=1"),
        *(
            "https://billing.example/api/?version=2",
            "https://billing.example",
            "urn:Example:ledger",
        ),
        *("URN:example:ledger", "urn:example:ledge", "urn:example"),
    ],
)
def test_RES_006_what_almost_names_a_resource_is_refused(world: World, almost: str) -> None:
    """RFC 9700 §4.10.2: identifiers are compared as strings and never normalised."""
    world.refuse(almost)


def test_RES_007_without_a_resource_the_audience_is_the_default(world: World) -> None:
    """RFC 9068 §3: the client's, or that of the scope, or else the issuer; never nothing."""
    issuer = world.server.issuer
    for resources in ([], [""]):
        assert world.audience(*resources, client=world.biller) == [BILLING]
        for scope in ("", READ):
            assert world.audience(*resources, scope=scope) == [issuer]
            assert world.audience(*resources, client=world.opaque, scope=scope) == [issuer]
    assert world.audience(client=world.archivist, scope=FILE) == [ARCHIVE]


@pytest.mark.parametrize(
    "resources",
    [
        [ORDERS] * 200,
        [f"https://orders.example/{number}" for number in range(200)],
        [""] * 200,
    ],
    ids=["one_registered", "unknown", "empty"],
)
def test_RES_008_two_hundred_resources_are_refused(world: World, resources: list[str]) -> None:
    """They are more parameters than a request may have; the next request is answered."""
    with within(LONGEST_WAIT):
        reply = world.ask(*resources)
    refused(reply, 400, "invalid_request")
    assert len(reply.content) < 1_024
    assert world.audience(ORDERS) == [ORDERS]
