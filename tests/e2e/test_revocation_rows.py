"""The rows REV of the conformance matrix: revocation (RFC 7009)."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, looks, refused
from support.polling import wait_until
from support.raw_http import basic, compose, post_form, read_reply
from support.redis_server import RedisServer

READ, WRITE = "orders.read", "orders.write"
BOTH_GRANTS = ("--grant", "client_credentials", "--grant", "refresh_token")
HINTS = ("access_token", "refresh_token", "saml2", "REFRESH_TOKEN", "", "\u00fc")

FormsOfTokens = pytest.mark.parametrize("form", ["jwt", "opaque"])


@dataclass(frozen=True, slots=True)
class World:
    """A server, clients that got tokens from it, and one that may see all of them.

    Attributes:
        clients: `jwt` and `opaque` get tokens of that form, and refresh
            tokens; `other` is like `jwt`; `app` is public and gets refresh
            tokens, too; `auditor` may introspect everything.
    """

    server: GrantdProcess
    clients: Mapping[str, RegisteredClient]

    def issue(self, name: str) -> dict[str, Any]:
        return granted(self.server.issue(self.clients[name]))

    def revoke(self, name: str, token: str, **form: str) -> httpx.Response:
        sent = {"token": token, **form}
        return self.server.post("/revoke", sent, auth=self.clients[name].basic)

    def is_active(self, access_token: str) -> bool:
        active: bool = introspected(self.server.introspect(self.clients["auditor"], access_token))[
            "active"
        ]
        return active

    def require_good(self, name: str, issued: Mapping[str, Any]) -> None:
        """Demand that a pair of tokens is as good as when it was issued; it is used for that."""
        assert self.is_active(issued["access_token"])
        granted(self.server.refresh(self.clients[name], issued["refresh_token"]))

    def require_ended(self, name: str, refresh_token: str) -> None:
        refused(self.server.refresh(self.clients[name], refresh_token), 400, "invalid_grant")


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store, {"allow_public_client_credentials": "true"})
    server.create_scopes(READ, WRITE)
    renewing = (
        *("--scope", f"{READ} {WRITE}", "--default-scope", READ),
        *(*BOTH_GRANTS, "--issue-refresh-token"),
    )
    flags: dict[str, Sequence[str]] = {
        "jwt": renewing,
        "opaque": (*renewing, "--token-format", "opaque"),
        "other": renewing,
        "app": (*renewing, "--public"),
        "auditor": ("--introspect-any",),
    }
    made = server.create_clients(flags)
    return World(server, {client.client_id: client for client in made})


def require_done(reply: httpx.Response) -> None:
    """Demand that a reply says that it is done, and nothing else (RFC 7009 §2.2)."""
    assert reply.status_code == 200, reply.text
    assert reply.content == b""
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Pragma"] == "no-cache"
    assert "WWW-Authenticate" not in reply.headers


@FormsOfTokens
def test_REV_001_an_access_token_ends_at_once_and_alone(world: World, form: str) -> None:
    """RFC 7009 §2: the next introspection sees it; its family and its siblings live on."""
    issued, sibling = world.issue(form), world.issue(form)
    assert world.is_active(issued["access_token"])
    require_done(world.revoke(form, issued["access_token"]))
    assert not world.is_active(issued["access_token"])
    world.require_good(form, sibling)
    renewed = granted(world.server.refresh(world.clients[form], issued["refresh_token"]))
    assert world.is_active(renewed["access_token"])


@FormsOfTokens
def test_REV_002_a_refresh_token_ends_for_good(world: World, form: str) -> None:
    """RFC 7009 §2: it and its family; another family of the client lives on."""
    issued, sibling = world.issue(form), world.issue(form)
    require_done(world.revoke(form, issued["refresh_token"]))
    world.require_ended(form, issued["refresh_token"])
    world.require_good(form, sibling)


@FormsOfTokens
def test_REV_002_a_spent_refresh_token_ends_its_successors(world: World, form: str) -> None:
    """RFC 7009 §2.1: its owner wants the grant to end."""
    first = world.issue(form)["refresh_token"]
    second = granted(world.server.refresh(world.clients[form], first))["refresh_token"]
    require_done(world.revoke(form, first))
    world.require_ended(form, second)


@FormsOfTokens
def test_REV_003_a_refresh_token_takes_its_access_tokens_along(world: World, form: str) -> None:
    """RFC 7009 §2.1: all that were issued from the grant, and no others."""
    issued, sibling = world.issue(form), world.issue(form)
    renewed = granted(world.server.refresh(world.clients[form], issued["refresh_token"]))
    of_the_grant = [issued["access_token"], renewed["access_token"]]
    assert all(map(world.is_active, of_the_grant))
    require_done(world.revoke(form, renewed["refresh_token"]))
    assert not any(map(world.is_active, of_the_grant))
    world.require_good(form, sibling)


@pytest.mark.parametrize(
    "token",
    ["unknown", "x", "..", "e30.e30.e30", "a" * 3_000, "t\u00f6k\u00e9n", "a token", "' OR 1=1"],
)
def test_REV_004_what_is_no_token_is_revoked_already(world: World, token: str) -> None:
    """RFC 7009 §2.2: the client's aim is reached."""
    require_done(world.revoke("jwt", token))


@FormsOfTokens
def test_REV_004_a_token_may_be_revoked_three_times(world: World, form: str) -> None:
    """RFC 7009 §2.2: each time with the same answer, which an unknown token gets, too."""
    issued = world.issue(form)
    unknown = looks(world.revoke(form, "unknown"))
    for kind in ("access_token", "refresh_token"):
        for _ in range(3):
            reply = world.revoke(form, issued[kind])
            require_done(reply)
            assert looks(reply) == unknown
    assert not world.is_active(issued["access_token"])
    world.require_ended(form, issued["refresh_token"])


@FormsOfTokens
@pytest.mark.parametrize("hint", HINTS)
def test_REV_005_a_hint_changes_nothing(world: World, form: str, hint: str) -> None:
    """RFC 7009 §2.1: right, wrong, unknown or empty; the token is looked for everywhere."""
    issued = world.issue(form)
    require_done(world.revoke(form, issued["access_token"], token_type_hint=hint))
    assert not world.is_active(issued["access_token"])
    require_done(world.revoke(form, issued["refresh_token"], token_type_hint=hint))
    world.require_ended(form, issued["refresh_token"])


@FormsOfTokens
def test_REV_006_exactly_one_token_is_revoked(world: World, form: str) -> None:
    """RFC 6749 §3.2: missing, empty and repeated parameters are refused, and nothing ends."""
    issued = world.issue(form)
    access, refresh = ("token", issued["access_token"]), ("token", issued["refresh_token"])
    for sent in ([], [("token", "")], [access, access], [access, refresh],
                 [("token", "unknown"), access], [refresh, ("token", "")]):  # fmt: skip
        reply = world.server.post("/revoke", sent, auth=world.clients[form].basic)
        refused(reply, 400, "invalid_request")
    world.require_good(form, issued)


@FormsOfTokens
def test_REV_007_nothing_ends_without_authentication(world: World, form: str) -> None:
    """RFC 7009 §2.1: refused with a challenge, and alike for good tokens and others."""
    issued = world.issue(form)
    wrong = RegisteredClient(form, "wrong")
    replies = [
        reply
        for token in (issued["access_token"], issued["refresh_token"], "unknown")
        for reply in (
            world.server.post("/revoke", {"token": token}),
            world.server.post("/revoke", {"token": token}, auth=wrong.basic),
        )
    ]
    replies += [
        world.server.post("/revoke", {"token": issued["access_token"], "client_id": form}),
        world.server.post("/revoke", {"token": issued["refresh_token"], **wrong.body}),
    ]
    for reply in replies:
        refused(reply, 401, "invalid_client")
        assert looks(reply) == looks(replies[0])
    world.require_good(form, issued)


@FormsOfTokens
@pytest.mark.parametrize("stranger", ["other", "auditor"])
def test_REV_008_a_strangers_wish_does_nothing_and_teaches_nothing(
    world: World, form: str, stranger: str
) -> None:
    """RFC 7009 §2.1: 200, as for a token that is none, even for who may see the token."""
    issued = world.issue(form)
    unknown = looks(world.revoke(stranger, "unknown"))
    for kind in ("access_token", "refresh_token"):
        for hint in ({}, {"token_type_hint": kind}):
            reply = world.revoke(stranger, issued[kind], **hint)
            require_done(reply)
            assert looks(reply) == unknown
    world.require_good(form, issued)


@FormsOfTokens
def test_REV_009_a_token_is_revoked_in_the_body_of_a_post_alone(world: World, form: str) -> None:
    """RFC 7009 §2.1: a link that somebody follows ends nothing."""
    issued, client = world.issue(form), world.clients[form]
    for token in (issued["access_token"], issued["refresh_token"]):
        for method in ("GET", "PUT", "DELETE"):
            for target in (f"/revoke?token={token}", "/revoke"):
                raw = compose(method, target, basic(client))
                reply = read_reply(world.server.send_raw(raw))
                refused(reply, 405, "invalid_request")
                assert reply.headers["Allow"] == "POST"
        for body in (b"", b"token=unknown", f"token={token}".encode()):
            reply = post_form(world.server, body, client=client, target=f"/revoke?token={token}")
            refused(reply, 400, "invalid_request")
    world.require_good(form, issued)


def test_REV_010_a_public_client_revokes_its_own_tokens_by_its_name(world: World) -> None:
    """RFC 7009 §5: and nobody else's."""
    mine = {"client_id": "app"}
    asked = {"grant_type": "client_credentials", **mine}
    issued, sibling = (granted(world.server.post("/access_token", asked)) for _ in range(2))
    foreign = world.issue("jwt")
    for kind in ("access_token", "refresh_token"):
        require_done(world.server.post("/revoke", {"token": foreign[kind], **mine}))
    world.require_good("jwt", foreign)

    require_done(world.server.post("/revoke", {"token": issued["refresh_token"], **mine}))
    assert not world.is_active(issued["access_token"])
    refresh = {"grant_type": "refresh_token", **mine}
    reply = world.server.post(
        "/access_token", {**refresh, "refresh_token": issued["refresh_token"]}
    )
    refused(reply, 400, "invalid_grant")

    assert world.is_active(sibling["access_token"])
    require_done(world.server.post("/revoke", {"token": sibling["access_token"], **mine}))
    assert not world.is_active(sibling["access_token"])


def test_REV_011_no_script_is_written_for_a_callback(world: World) -> None:
    """RFC 7009 §2.3 allows JSONP; here it is an unknown parameter, in the body or the query."""
    plain = looks(world.revoke("jwt", "unknown"))
    in_body, in_query = world.issue("jwt")["access_token"], world.issue("jwt")["access_token"]
    replies = [
        world.revoke("jwt", in_body, callback="evil"),
        world.server.post(
            "/revoke?callback=evil", {"token": in_query}, auth=world.clients["jwt"].basic
        ),
    ]
    for reply, token in zip(replies, (in_body, in_query), strict=True):
        require_done(reply)
        assert looks(reply) == plain
        assert "javascript" not in reply.headers.get("Content-Type", "")
        assert not world.is_active(token)
    failed = world.revoke("jwt", "", callback="evil")
    refused(failed, 400, "invalid_request")
    assert "evil" not in failed.text


def require_outage(reply: httpx.Response) -> None:
    refused(reply, 503, "temporarily_unavailable")
    assert int(reply.headers["Retry-After"]) >= 1


@FormsOfTokens
@pytest.mark.parametrize("store", ["redis"])
def test_REV_012_without_redis_it_says_when_to_come_back(
    store: str,
    form: str,
    tmp_path_factory: pytest.TempPathFactory,
    prepare_grantd: Callable[..., GrantdProcess],
) -> None:
    """RFC 7009 §2.2.1: 503 with Retry-After; what was not revoked can be, later."""
    redis = RedisServer.start(tmp_path_factory.mktemp("redis"))
    try:
        server = prepare_grantd(redis.url).start()
        flags = (*BOTH_GRANTS, "--issue-refresh-token", "--token-format", form)
        client = server.create_client("one", *flags)
        issued = granted(server.issue(client))

        redis.stop()
        for token in (issued["access_token"], issued["refresh_token"], "unknown"):
            require_outage(server.revoke(client, token))
            require_outage(server.revoke(RegisteredClient("one", "wrong"), token))

        redis.restart()
        wait_until(lambda: server.introspect(client, "unknown").status_code == 200)
        assert introspected(server.introspect(client, issued["access_token"]))["active"] is True
        require_done(server.revoke(client, issued["refresh_token"]))
        assert introspected(server.introspect(client, issued["access_token"])) == {"active": False}
        server.stop()
    finally:
        redis.stop()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Be the person at the file who holds its write lock."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@FormsOfTokens
@pytest.mark.parametrize("store", ["sqlite"])
def test_REV_012_while_sqlite_cannot_write_it_says_when_to_come_back(
    store: str, form: str, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """RFC 7009 §2.2.1: a revocation that is not on disk is not acknowledged."""
    server = prepare_grantd(store).start()
    client = server.create_client("one", "--token-format", form)
    token = granted(server.issue(client))["access_token"]
    with locked(server.folder / "grantd.db"):
        require_outage(server.revoke(client, token))
    require_done(server.revoke(client, token))
    assert introspected(server.introspect(client, token)) == {"active": False}
