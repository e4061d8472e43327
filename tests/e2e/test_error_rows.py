"""The rows ERR of the conformance matrix: how refusals look."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, looks, refused
from support.raw_http import compose, post_form, read_reply

READ = "orders.read"
WITHIN_THE_RFC = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]+")
GIVEN_AWAY = re.compile(
    r"traceback|exception|line \d+|\.py\b|\.lua\b|\.db\b|/(?:usr|home|root|tmp|work|var)/"
    r"|site-packages|select |insert |sqlite|redis|evalsha|uvicorn|uvloop|starlette|httptools"
    r"|h11|hiredis|msgspec|python|adapters\.|domain\.|entrypoints\.",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that has to be refused, and how.

    Attributes:
        as_client: None sends no credentials; `refresher` may refresh, `plain` may not.
    """

    path: str
    form: dict[str, str]
    status: int
    code: str
    as_client: str | None = "plain"
    headers: dict[str, str] = field(default_factory=dict)


ASK = {"grant_type": "client_credentials"}
REFUSALS = {
    "token_without_grant_type": Refusal("/access_token", {}, 400, "invalid_request"),
    "token_without_client": Refusal("/access_token", ASK, 401, "invalid_client", None),
    "token_with_wrong_secret": Refusal(
        "/access_token", {**ASK, "client_id": "plain", "client_secret": "no"}, 401,
        "invalid_client", None,
    ),
    "token_by_another_scheme": Refusal(
        "/access_token", ASK, 401, "invalid_client", None, {"Authorization": "Bearer anything"}
    ),
    "token_by_broken_basic": Refusal(
        "/access_token", ASK, 401, "invalid_client", None, {"Authorization": "Basic %%%"}
    ),
    "token_by_refresh_of_nothing": Refusal(
        "/access_token", {"grant_type": "refresh_token", "refresh_token": "no"}, 400,
        "invalid_grant", "refresher",
    ),
    "token_by_refresh_without_a_token": Refusal(
        "/access_token", {"grant_type": "refresh_token"}, 400, "invalid_request", "refresher"
    ),
    "token_by_a_grant_of_others": Refusal(
        "/access_token", {"grant_type": "refresh_token", "refresh_token": "no"}, 400,
        "unauthorized_client",
    ),
    "token_by_an_unknown_grant": Refusal(
        "/access_token", {"grant_type": "no"}, 400, "unsupported_grant_type"
    ),
    "token_for_an_unknown_scope": Refusal(
        "/access_token", {**ASK, "scope": "no"}, 400, "invalid_scope"
    ),
    "token_for_an_unknown_resource": Refusal(
        "/access_token", {**ASK, "resource": "https://no.example"}, 400, "invalid_target"
    ),
    "introspection_without_client": Refusal(
        "/introspect", {"token": "no"}, 401, "invalid_client", None
    ),
    "introspection_without_token": Refusal("/introspect", {}, 400, "invalid_request"),
    "revocation_without_client": Refusal("/revoke", {"token": "no"}, 401, "invalid_client", None),
    "revocation_without_token": Refusal("/revoke", {}, 400, "invalid_request"),
}  # fmt: skip

NEITHER_QUOTED_NOR_BROKEN = {
    "quote": 'a"b',
    "backslash": "a\\b",
    "json": '","access_token":"x',
    "latin": "café",
    "emoji": "\U0001f511",
    "right_to_left": "\u202ea",
    "markup": "<script>alert(1)</script>",
    "format": "%s%n{0}{x.__class__}${jndi:ldap://x}",
    "sql": "'; DROP TABLE clients; --",
    "terminal": "a\x1b[31m",
    "new_header": "a\r\nSet-Cookie: a=b",
    "nul": "a\x00b",
    "long": "a" * 8_000,
    "long_and_odd": '"é' * 4_000,
}


@dataclass(frozen=True, slots=True)
class World:
    server: GrantdProcess
    clients: dict[str, RegisteredClient]

    def provoke(self, refusal: Refusal, **headers: str) -> httpx.Response:
        auth = self.clients[refusal.as_client].basic if refusal.as_client is not None else None
        sent = {**refusal.headers, **headers}
        return self.server.post(refusal.path, refusal.form, auth=auth, headers=sent)

    def provoke_all(self) -> Iterator[httpx.Response]:
        """Yield a refusal of each kind, those of HTTP itself too."""
        for refusal in REFUSALS.values():
            yield self.provoke(refusal)
        plain = self.clients["plain"]
        yield self.server.get("/access_token")
        yield self.server.get("/nowhere")
        yield self.server.post("/livez")
        yield post_form(self.server, b"{}", client=plain, content_type="application/json")
        yield post_form(self.server, b"a=%ff", client=plain)
        yield post_form(self.server, b"a" * 70_000, client=plain)
        yield post_form(self.server, b"a=1", headers={"Authorization": "Basic /////w=="})
        yield read_reply(self.server.send_raw(b"NONSENSE\r\n\r\n"))
        yield read_reply(
            self.server.send_raw(compose("POST", "/access_token", {"Content-Length": "nonsense"}))
        )


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store)
    server.create_scopes(READ)
    both = ("--grant", "client_credentials", "--grant", "refresh_token")
    flags = {"plain": ("--scope", READ), "refresher": both}
    return World(server, dict(zip(flags, server.create_clients(flags), strict=True)))


@pytest.mark.parametrize("name", REFUSALS)
def test_ERR_001_every_refusal_is_a_json_object_with_an_error(world: World, name: str) -> None:
    """RFC 6749 §5.2: as `application/json`, not to be stored, `error` a string."""
    refusal = REFUSALS[name]
    reply = world.provoke(refusal)
    members = refused(reply, refusal.status, refusal.code)
    assert reply.headers["Content-Type"].partition(";")[0] == "application/json"
    assert reply.headers.get_list("Cache-Control") == ["no-store"]
    assert {type(value) for value in members.values()} == {str}


def test_ERR_001_there_are_seven_codes_at_three_endpoints() -> None:
    """What these tests provoke is enough for the row."""
    assert len({refusal.code for refusal in REFUSALS.values()}) == 7
    assert len({refusal.path for refusal in REFUSALS.values()}) == 3


@pytest.mark.parametrize("parameter", ["scope", "grant_type", "resource", "refresh_token"])
@pytest.mark.parametrize("name", NEITHER_QUOTED_NOR_BROKEN)
def test_ERR_002_what_is_said_keeps_to_the_characters_of_the_rfc(
    world: World, parameter: str, name: str
) -> None:
    """RFC 6749 §5.2: no quote, no backslash and nothing beyond ASCII, in the hint neither."""
    form = {"grant_type": "refresh_token" if parameter == "refresh_token" else ASK["grant_type"]}
    form[parameter] = NEITHER_QUOTED_NOR_BROKEN[name]
    reply = world.server.post("/access_token", form, auth=world.clients["refresher"].basic)
    members = refused(reply, 400, reply.json()["error"])
    for said in members.values():
        assert WITHIN_THE_RFC.fullmatch(said)
    assert len(reply.content) < 1_024
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("name", NEITHER_QUOTED_NOR_BROKEN)
def test_ERR_002_a_client_id_is_not_echoed(world: World, name: str) -> None:
    """An unknown one, however hostile, gets the one answer that all unknown ones get."""
    form = {**ASK, "client_id": NEITHER_QUOTED_NOR_BROKEN[name], "client_secret": "no"}
    usual = world.server.post("/access_token", {**form, "client_id": "nobody"})
    reply = world.server.post("/access_token", form)
    assert refused(reply, 401, "invalid_client") == usual.json()
    for said in reply.json().values():
        assert WITHIN_THE_RFC.fullmatch(said)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*;q=0", "nonsense", ""])
def test_ERR_003_refusals_are_json_whatever_is_accepted(world: World, accept: str) -> None:
    """Nobody negotiates about an OAuth error."""
    for refusal in REFUSALS.values():
        refused(world.provoke(refusal, Accept=accept), refusal.status, refusal.code)
    refused(world.server.get("/access_token", {"Accept": accept}), 405, "invalid_request")
    refused(world.server.get("/nowhere", {"Accept": accept}), 404, "invalid_request")


def test_ERR_004_nothing_is_told_of_the_inside(world: World) -> None:
    """No stack trace, no SQL, no name of a file, a module or a product."""
    for reply in world.provoke_all():
        assert 400 <= reply.status_code < 500
        _, headers, body = looks(reply)
        told = "\n".join([*headers, *headers.values(), body.decode("ascii")])
        assert not GIVEN_AWAY.search(told), told
        assert str(world.server.folder) not in told
        assert "server" not in headers


@pytest.mark.parametrize(
    "name", [name for name, refusal in REFUSALS.items() if refusal.code != "invalid_client"]
)
def test_ERR_005_all_but_invalid_client_are_400(world: World, name: str) -> None:
    """RFC 6749 §5.2: no 403 and no 422; what HTTP itself refuses has HTTP's own status."""
    reply = world.provoke(REFUSALS[name])
    assert reply.status_code == 400
    assert reply.json()["error"] == REFUSALS[name].code


@pytest.mark.parametrize("name", REFUSALS)
def test_ERR_006_a_challenge_comes_with_401_alone(world: World, name: str) -> None:
    """RFC 7617 §2: it is Basic and names its realm, however the client tried."""
    reply = world.provoke(REFUSALS[name])
    challenges = reply.headers.get_list("WWW-Authenticate")
    assert challenges == (['Basic realm="grantd"'] if reply.status_code == 401 else [])


def test_ERR_006_no_challenge_comes_with_200(world: World) -> None:
    """Nobody is asked for credentials that were good."""
    plain = world.clients["plain"]
    reply = world.server.issue(plain)
    token = granted(reply)["access_token"]
    looked_at = world.server.introspect(plain, token)
    assert introspected(looked_at)["active"]
    for one in (reply, looked_at, world.server.revoke(plain, token)):
        assert one.status_code == 200
        assert "WWW-Authenticate" not in one.headers
