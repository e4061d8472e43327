"""Scopes and resources, changed from the command line while two workers serve them."""

import re
from typing import Any

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused
from support.transcripts import Step, play

BOOKS = "https://books.example"
FILMS = "https://films.example"

# As many requests, each on a connection of its own, as make both workers answer.
_ASKED = 6


@pytest.fixture(scope="module")
def grantd(start_grantd: Any, store: str) -> GrantdProcess:  # noqa: ANN401  (a fixture's function)
    grantd: GrantdProcess = start_grantd(store, settings={"workers": "2"})
    for resource in (BOOKS, FILMS):
        grantd.require("resources", "create", resource)
    grantd.require("scopes", "create", "books.read", "--resource", BOOKS)
    grantd.require("scopes", "create", "free")
    return grantd


@pytest.fixture(scope="module")
def reader(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client(
        *("reader", "--scope", "books.read free grantd.admin.read", "--default-scope", "free"),
        *("--audience", BOOKS, "--audience", FILMS),
    )


@pytest.fixture(scope="module")
def shop(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client("shop", "--serves", BOOKS)


def require_granted(
    grantd: GrantdProcess, client: RegisteredClient, **form: str
) -> list[dict[str, Any]]:
    return [granted(grantd.issue(client, **form)) for _ in range(_ASKED)]


def require_refused(
    grantd: GrantdProcess, client: RegisteredClient, error: str, **form: str
) -> None:
    for _ in range(_ASKED):
        refused(grantd.issue(client, **form), 400, error)


def test_a_disabled_scope_is_refused_by_the_very_next_request(
    grantd: GrantdProcess, reader: RegisteredClient, shop: RegisteredClient
) -> None:
    """What was issued lives on."""
    held = granted(grantd.issue(reader, scope="books.read"))["access_token"]

    play(
        grantd.run,
        Step(
            command=["scopes", "disable", "books.read"], stderr=[r"^Scope books.read is disabled"]
        ),
    )
    require_refused(grantd, reader, "invalid_scope", scope="books.read")
    assert introspected(grantd.introspect(shop, held))["scope"] == "books.read"
    offered = grantd.get("/.well-known/oauth-authorization-server").json()["scopes_supported"]
    assert "free" in offered
    assert "books.read" not in offered

    assert grantd.require("scopes", "enable", "books.read")["state"] == "enabled"
    require_granted(grantd, reader, scope="books.read")


def test_a_disabled_resource_is_no_target_from_the_very_next_request_on(
    grantd: GrantdProcess, reader: RegisteredClient, shop: RegisteredClient
) -> None:
    """What was issued lives on."""
    held = granted(grantd.issue(reader, resource=BOOKS))["access_token"]

    assert grantd.require("resources", "disable", BOOKS)["state"] == "disabled"
    require_refused(grantd, reader, "invalid_target", resource=BOOKS)
    require_refused(grantd, reader, "invalid_scope", scope="books.read")
    assert introspected(grantd.introspect(shop, held))["active"] is True

    play(
        grantd.run,
        Step(command=["resources", "enable", BOOKS], stderr=[rf"^Resource {BOOKS} is enabled"]),
    )
    require_granted(grantd, reader, resource=BOOKS)


def test_an_update_is_seen_by_the_very_next_request(
    grantd: GrantdProcess, reader: RegisteredClient
) -> None:
    """What was not given stays, and what was taken is as if it had never been given."""
    before = grantd.require("resources", "show", FILMS)

    changed = grantd.require(
        *("resources", "update", FILMS, "--access-token-ttl", "2m", "--token-format", "opaque"),
        *("--name", "Films", "--if-etag", before["etag"]),
    )
    for token in require_granted(grantd, reader, resource=FILMS):
        assert token["expires_in"] == 120
        assert token["access_token"].startswith("gda_")
    assert (changed["name"], changed["signing_alg"]) == ("Films", None)
    play(
        grantd.run,
        Step(
            command=["resources", "update", FILMS, "--name", "x", "--if-etag", before["etag"]],
            status=1,
            stderr=[rf"somebody else changed {FILMS}: its etag is {changed['etag']} now"],
        ),
    )

    back = grantd.require(
        *("resources", "update", FILMS, "--unset", "access-token-ttl"),
        *("--unset", "token-format", "--name", ""),
    )
    for token in require_granted(grantd, reader, resource=FILMS):
        assert token["expires_in"] == 3600
    assert back == before


def test_a_scope_moves_to_another_resource(grantd: GrantdProcess, reader: RegisteredClient) -> None:
    """Whom its tokens are for is known to the very next request."""
    moved = grantd.require(
        "scopes", "update", "free", "--resource", FILMS, "--description", "Of films"
    )
    require_refused(grantd, reader, "invalid_scope", scope="free", resource=BOOKS)
    assert moved == grantd.require("scopes", "show", "free")
    assert (moved["description"], moved["resource"]) == ("Of films", FILMS)

    grantd.require("scopes", "update", "free", "--unset", "resource")
    require_granted(grantd, reader, scope="free", resource=BOOKS)


def test_what_is_deleted_is_unknown_to_the_very_next_request(
    grantd: GrantdProcess, reader: RegisteredClient
) -> None:
    """And known again to the one after it is made anew."""
    etag = grantd.require("scopes", "create", "passing")["etag"]
    grantd.require("clients", "update", reader.client_id, "--scope", "books.read free passing")
    require_granted(grantd, reader, scope="passing")

    grantd.require("scopes", "delete", "passing", "--if-etag", etag)
    require_refused(grantd, reader, "invalid_scope", scope="passing")

    grantd.require("scopes", "create", "passing")
    require_granted(grantd, reader, scope="passing")


def test_the_reserved_scopes_are_there_and_stay(grantd: GrantdProcess) -> None:
    """A token with one is meant for grantd itself, and nobody gets it without asking."""
    admin = grantd.create_client("admin", "--scope", "grantd.admin.read grantd.admin.write")
    token = granted(grantd.issue(admin, scope="grantd.admin.read"))["access_token"]
    assert introspected(grantd.introspect(admin, token))["aud"] == grantd.issuer
    assert granted(grantd.issue(admin))["scope"] == ""

    play(
        grantd.run,
        Step(command=["scopes", "delete", "grantd.admin.read"], status=1, stderr=[r"is built in"]),
        Step(
            command=["clients", "update", "admin", "--default-scope", "grantd.admin.read"],
            status=1,
            stderr=[r"the default scope may not hold grantd\.admin\.read"],
        ),
    )
    shown = grantd.require("scopes", "show", "grantd.admin.write")
    assert (shown["state"], shown["resource"]) == ("built in", grantd.issuer)
    assert re.fullmatch("[0-9a-f]{16}", shown["etag"])
