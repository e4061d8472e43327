"""The rows TOK of the conformance matrix: syntax and transport of the token endpoint."""

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
import jwt
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, refused
from support.raw_http import (
    FORM,
    TOKEN_PATH,
    basic,
    chunked,
    compose,
    post_form,
    read_reply,
    within,
)

GRANT = b"grant_type=client_credentials"
READ, WRITE = "orders.read", "orders.write"
ORDERS = "https://orders.example"
MULTIPART = b"""--cut\r
Content-Disposition: form-data; name="grant_type"\r
\r
client_credentials\r
--cut--\r
"""
MIB = 1024 * 1024
LARGEST_BODY = 64 * 1024
MOST_PARAMETERS = 100
LONGEST_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class World:
    """A server, and those who ask it for tokens.

    Attributes:
        opaque: Its tokens are opaque.

        refresher: It may use the refresh token grant only.
    """

    server: GrantdProcess
    client: RegisteredClient
    opaque: RegisteredClient
    refresher: RegisteredClient

    def post(
        self,
        body: bytes,
        *,
        target: str = TOKEN_PATH,
        content_type: str | None = FORM,
        headers: Mapping[str, str] = {},
    ) -> httpx.Response:
        """POST *body* exactly as it is, as the client."""
        return post_form(
            self.server,
            body,
            client=self.client,
            target=target,
            content_type=content_type,
            headers=headers,
        )

    def require_in_service(self) -> None:
        """Demand that the next ordinary request succeeds."""
        granted(self.server.issue(self.client))


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store)
    server.require("resources", "create", ORDERS)
    server.create_scopes(READ, WRITE)
    may = ("--scope", f"{READ} {WRITE}", "--default-scope", READ)
    flags = {
        "orders": (*may, "--audience", ORDERS),
        "opaque": (*may, "--token-format", "opaque"),
        "refresher": (*may, "--grant", "refresh_token"),
    }
    return World(server, *server.create_clients(flags))


def claims_of(reply: httpx.Response) -> dict[str, object]:
    token = granted(reply)["access_token"]
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_TOK_001_a_confidential_client_gets_a_bearer_token_in_json(world: World) -> None:
    """RFC 6749 §5.1: the reply is an object with the token, its type and no error."""
    reply = world.post(GRANT + b"&scope=orders.read")
    members = granted(reply)
    assert reply.headers["Content-Type"].partition(";")[0] == "application/json"
    assert members.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert isinstance(members["access_token"], str)
    assert members["token_type"].lower() == "bearer"
    assert members["scope"] == READ


def test_TOK_002_no_reply_may_be_stored(world: World) -> None:
    """RFC 6749 §5.1: neither a token, nor a refusal, nor what introspection tells."""
    reply = world.post(GRANT)
    token = granted(reply)["access_token"]
    replies = [
        reply,
        world.post(b"grant_type=nothing"),
        post_form(world.server, GRANT),
        world.server.introspect(world.client, token),
        world.server.introspect(world.client, "nothing"),
        world.server.revoke(world.client, token),
    ]
    assert [one.status_code for one in replies] == [200, 400, 401, 200, 200, 200]
    for one in replies:
        assert one.headers.get_list("Cache-Control") == ["no-store"]


def test_TOK_003_old_caches_are_told_not_to_store_either(world: World) -> None:
    """RFC 6749 §5.1 asks for `Pragma: no-cache`, too."""
    reply = world.post(GRANT)
    granted(reply)
    assert reply.headers.get_list("Pragma") == ["no-cache"]


def test_TOK_004_expires_in_is_a_positive_json_integer(world: World) -> None:
    """RFC 6749 §5.1: digits, neither in quotes nor with a fraction; and as `exp` has it."""
    reply = world.post(GRANT)
    written = re.search(rb'"expires_in":([^,}]+)', reply.content)
    assert written is not None
    assert re.fullmatch(rb"[1-9][0-9]*", written[1])
    claims = jwt.decode(granted(reply)["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == int(written[1])


@pytest.mark.parametrize("query", ["", "?grant_type=client_credentials"])
@pytest.mark.parametrize("path", ["/access_token", "/token"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_TOK_005_only_post_is_taken(world: World, method: str, path: str, query: str) -> None:
    """RFC 9110 §15.5.6: any other method is 405 and hears which one is allowed."""
    headers = {**basic(world.client), "Content-Type": FORM, "Content-Length": str(len(GRANT))}
    reply = read_reply(world.server.send_raw(compose(method, path + query, headers, GRANT)))
    assert reply.status_code == 405
    assert reply.headers.get_list("Allow") == ["POST"]
    assert reply.headers["Cache-Control"] == "no-store"
    if method == "HEAD":
        assert reply.content == b""
    else:
        refused(reply, 405, "invalid_request")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"grant_type":"client_credentials"}'),
        ("application/json", GRANT),
        ("application/xml", b"<grant_type>client_credentials</grant_type>"),
        ("multipart/form-data; boundary=cut", MULTIPART),
        ("text/plain", GRANT),
        (f"{FORM}-x", GRANT),
        (f"{FORM}, text/plain", GRANT),
        ("", GRANT),
        (None, GRANT),
    ],
)
def test_TOK_006_only_a_form_is_read(world: World, content_type: str | None, body: bytes) -> None:
    """RFC 9110 §15.5.16: any other media type is 415, whatever the body says."""
    refused(world.post(body, content_type=content_type), 415, "invalid_request")


@pytest.mark.parametrize(
    "content_type",
    [
        "Application/X-WWW-Form-URLEncoded",
        "APPLICATION/X-WWW-FORM-URLENCODED",
        f"{FORM};charset=UTF-8",
        f'{FORM}; charset="utf-8"',
        f"{FORM} ; CHARSET=utf-8 ; unknown=1",
    ],
)
def test_TOK_007_the_media_type_is_compared_without_case_and_parameters(
    world: World, content_type: str
) -> None:
    """RFC 9110 §8.3.1: type and subtype know no case, and UTF-8 may be named."""
    granted(world.post(GRANT, content_type=content_type))


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "klingon", '"', ""])
def test_TOK_007_a_foreign_charset_is_refused(world: World, charset: str) -> None:
    """A form in another charset, known or not, is another media type to us: 415."""
    reply = world.post(GRANT, content_type=f"{FORM};charset={charset}")
    refused(reply, 415, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [b"", b"scope=orders.read", b"grant_type=", b"Grant_Type=client_credentials"],
    ids=["empty_body", "missing", "empty", "in_other_case"],
)
def test_TOK_008_a_missing_grant_type_is_an_invalid_request(world: World, body: bytes) -> None:
    """RFC 6749 §5.2: a required parameter is missing, which is no unsupported grant type."""
    members = refused(world.post(body), 400, "invalid_request")
    assert "grant_type" in members["hint"]


@pytest.mark.parametrize(
    "grant_type",
    [
        *("unknown", "password", "implicit", "authorization_code"),
        *("CLIENT_CREDENTIALS", "Client_Credentials", "client-credentials"),
        *("client+credentials", "+client_credentials", "client_credentials+", "+"),
        "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Anobody-knows",
    ],
)
def test_TOK_009_an_unknown_grant_type_is_unsupported(world: World, grant_type: str) -> None:
    """RFC 6749 §5.2: a name is known exactly as it is written, or not at all."""
    body = f"grant_type={grant_type}&username=ada&password=lovelace&scope=orders.read"
    refused(world.post(body.encode()), 400, "unsupported_grant_type")


def test_TOK_009_the_password_grant_is_not_offered(world: World) -> None:
    """RFC 9700 §2.4: nor does the metadata name it."""
    metadata = world.server.get("/.well-known/oauth-authorization-server").json()
    assert set(metadata["grant_types_supported"]) == {"client_credentials", "refresh_token"}


@pytest.mark.parametrize(
    "twice",
    [
        b"grant_type=client_credentials",
        b"grant_type=refresh_token",
        b"grant_type=",
        b"%67rant_type=client_credentials",
        b"scope=orders.read&scope=orders.read",
        b"scope=orders.read&scope=orders.write",
        b"scope=orders.read&scope=",
        b"client_id=orders&client_id=orders",
        b"client_id=orders&client_id=opaque",
        b"client_assertion=a&client_assertion=a",
        b"client_assertion=a&client_assertion=b",
        b"client_assertion_type=a&client_assertion_type=a",
        b"refresh_token=a&refresh_token=b",
    ],
    ids=bytes.decode,
)
def test_TOK_010_a_parameter_twice_is_refused(world: World, twice: bytes) -> None:
    """RFC 6749 §3.2: whether it says the same or not, and wherever its repetition stands."""
    for body in (GRANT + b"&" + twice, twice + b"&" + GRANT):
        members = refused(world.post(body), 400, "invalid_request")
        assert "more than once" in members["hint"]


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
@pytest.mark.parametrize("again", ["the same", "another"])
def test_TOK_010_credentials_in_the_body_twice_are_refused(
    world: World, name: str, again: str
) -> None:
    """Not even the right ones: first or last, neither value counts."""
    pairs = [("grant_type", "client_credentials"), *world.client.body.items()]
    granted(world.server.post(TOKEN_PATH, pairs))
    repeated = (name, world.client.body[name] if again == "the same" else "other")
    for form in ([*pairs, repeated], [repeated, *pairs]):
        members = refused(world.server.post(TOKEN_PATH, form), 400, "invalid_request")
        assert members["hint"] == f"{name} is given more than once"


def test_TOK_010_a_resource_and_an_audience_may_come_twice(world: World) -> None:
    """RFC 8707 §2 and RFC 8693 §2.1 allow these two more than once."""
    same = f"&resource={ORDERS}&resource={ORDERS}&audience=a&audience=b"
    assert claims_of(world.post(GRANT + same.encode()))["aud"] == ORDERS
    different = f"&resource={ORDERS}&resource={ORDERS}/unknown"
    refused(world.post(GRANT + different.encode()), 400, "invalid_target")


@pytest.mark.parametrize(
    "ignored",
    [
        b"tenant=a&foo=bar&foo=bar&state=1&nonce=2",
        b"code=1&redirect_uri=https%3A%2F%2Fa.example&code_verifier=2",
        b"username=ada&password=lovelace",
        b"refresh_token=1&assertion=2&subject_token=3&actor_token=4",
        b"token=1&token_type_hint=access_token",
        b"SCOPE=orders.write&Client_Id=nobody",
        b"scope[]=orders.write&scope[0]=orders.write&scope.x=1",
        b"__proto__=1&__class__=2&constructor=3",
        pytest.param(b"n" * 20_000 + b"=1", id="a very long name"),
        pytest.param(b"n=" + b"v" * 20_000, id="a very long value"),
    ],
)
def test_TOK_011_what_is_unrecognised_is_ignored(world: World, ignored: bytes) -> None:
    """RFC 6749 §3.2: the token is the one that would have come without it."""
    for body in (GRANT + b"&" + ignored, ignored + b"&" + GRANT):
        assert granted(world.post(body))["scope"] == READ


@pytest.mark.parametrize(
    "name",
    [
        *("scope", "resource", "audience", "refresh_token", "unknown"),
        *("client_id", "client_secret", "client_assertion", "client_assertion_type"),
    ],
)
def test_TOK_012_a_parameter_without_a_value_is_as_if_omitted(world: World, name: str) -> None:
    """RFC 6749 §3.2: an empty secret beside Basic is no second method, an empty scope none."""
    assert granted(world.post(GRANT + f"&{name}=".encode()))["scope"] == READ


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("grant_type=client_credentials", b""),
        ("grant_type=client_credentials", GRANT),
        ("grant%5Ftype=client_credentials", b""),
        ("scope=orders.write", GRANT),
        ("client_id=orders", GRANT),
        ("client_secret=anything", GRANT),
        ("client_secret=", GRANT),
    ],
)
def test_TOK_013_no_parameter_is_taken_from_the_query(
    world: World, query: str, body: bytes
) -> None:
    """RFC 6749 §3.2: parameters come in the body, whoever asks."""
    refused(world.post(body, target=f"{TOKEN_PATH}?{query}"), 400, "invalid_request")


def test_TOK_013_credentials_in_the_query_are_refused(world: World) -> None:
    """RFC 6749 §2.3.1: they MUST NOT be there, and the reply does not repeat them."""
    query = str(httpx.QueryParams(world.client.body))
    reply = post_form(world.server, GRANT, target=f"{TOKEN_PATH}?{query}")
    refused(reply, 400, "invalid_request")
    assert world.client.secret not in reply.text


def test_TOK_013_a_query_that_says_nothing_of_ours_is_retained(world: World) -> None:
    """RFC 6749 §3.2: the endpoint's URI may include a query."""
    assert granted(world.post(GRANT, target=f"{TOKEN_PATH}?tenant=a"))["scope"] == READ


@pytest.mark.parametrize(
    "malformed",
    [
        *(b"scope=orders%2", b"scope=%zz", b"scope=%", b"scope=%u0041", b"unknown=%", b"%zz=1"),
        *(b"&=", b"=", b"=value", b"scope", b"unknown"),
        *(b"scope=%ff", b"scope=%c0%af", b"scope=%ed%a0%80", b"scope=%f4%90%80%80"),
        *(b"scope=\xc3\xa9", b"scope=\xff", b"\xff=1", b"unknown=\x80"),
        *(b"resource=%00", b"refresh_token=a%00", b"unknown=%07", b"a%00b=1", b"resource=%0D%0A"),
    ],
)
def test_TOK_014_a_malformed_body_is_an_invalid_request(world: World, malformed: bytes) -> None:
    """RFC 6749 App. B: the body is decoded strictly, as UTF-8, or not at all."""
    for body in (GRANT + b"&" + malformed, malformed + b"&" + GRANT):
        refused(world.post(body), 400, "invalid_request")


@pytest.mark.parametrize("control", [b"%00", b"%0D%0A", b"%07", b"\x00", b"\x07"])
def test_TOK_014_control_characters_are_refused(world: World, control: bytes) -> None:
    """They stand in no grant type and in no scope."""
    refused(world.post(GRANT + control), 400, "invalid_request")
    refused(world.post(GRANT + b"&scope=orders.read" + control), 400, "invalid_scope")
    world.require_in_service()


def test_TOK_014_a_semicolon_separates_nothing(world: World) -> None:
    """It belongs to the value before it, which makes that one unknown."""
    refused(world.post(GRANT + b";scope=orders.read"), 400, "unsupported_grant_type")
    refused(world.post(b"scope=orders.read;" + GRANT), 400, "invalid_request")
    refused(world.post(GRANT + b"&scope=orders.read;unknown=1"), 400, "invalid_scope")


def test_TOK_015_a_body_announced_too_large_is_refused_unread(world: World) -> None:
    """RFC 9110 §15.5.14: the length alone is enough, and the answer does not wait for a byte."""
    headers = {**basic(world.client), "Content-Type": FORM, "Content-Length": str(2 * MIB)}
    with within(LONGEST_WAIT):
        reply = read_reply(world.server.send_raw(compose("POST", TOKEN_PATH, headers)))
        refused(reply, 413, "invalid_request")
    world.require_in_service()


@pytest.mark.parametrize("coding", ["with a length", "chunked"])
def test_TOK_015_a_body_of_two_mebibytes_is_not_taken(world: World, coding: str) -> None:
    """It is answered 413, or the connection is cut under it."""
    headers, body = {**basic(world.client), "Content-Type": FORM}, GRANT + b"&n=" + b"v" * 2 * MIB
    if coding == "chunked":
        headers["Transfer-Encoding"], body = "chunked", chunked(body, 16 * 1024)
    else:
        headers["Content-Length"] = str(len(body))
    with within(LONGEST_WAIT):
        try:
            received = world.server.send_raw(compose("POST", TOKEN_PATH, headers, body))
        except ConnectionError:
            received = b""
    if received:
        refused(read_reply(received), 413, "invalid_request")
    world.require_in_service()


def test_TOK_015_five_thousand_parameters_are_refused(world: World) -> None:
    """Their number is limited before they are parsed."""
    with within(LONGEST_WAIT):
        refused(world.post(GRANT + b"&a=1" * 5_000), 400, "invalid_request")
    world.require_in_service()


def test_TOK_015_the_limits_are_exact(world: World) -> None:
    """64 KiB and 100 parameters are taken, a byte or a parameter more is not."""
    filled = GRANT + b"&n=" + b"v" * (LARGEST_BODY - len(GRANT) - 3)
    granted(world.post(filled))
    refused(world.post(filled + b"v"), 413, "invalid_request")
    many = GRANT + b"&a=1" * (MOST_PARAMETERS - 1)
    granted(world.post(many))
    refused(world.post(many + b"&a=1"), 400, "invalid_request")


def test_TOK_016_a_client_without_the_grant_is_unauthorized(world: World) -> None:
    """RFC 6749 §5.2: the grant is known, and not this client's, whatever else it asks."""
    for extra in (b"", b"&scope=orders.read", b"&scope=unknown"):
        reply = post_form(world.server, GRANT + extra, client=world.refresher)
        refused(reply, 400, "unauthorized_client")
    reply = world.post(b"grant_type=refresh_token&refresh_token=anything")
    refused(reply, 400, "unauthorized_client")


def test_TOK_017_plus_and_percent_20_are_both_a_space(world: World) -> None:
    """RFC 6749 App. B: the two encodings mean the same."""
    for written in (b"orders.read+orders.write", b"orders.read%20orders.write"):
        reply = world.post(GRANT + b"&scope=" + written)
        assert granted(reply)["scope"] == f"{READ} {WRITE}"
        assert claims_of(reply)["scope"] == f"{READ} {WRITE}"


def test_TOK_018_both_paths_lead_to_the_token_endpoint(world: World) -> None:
    """`/access_token` is the one that the metadata names; `/token` answers alike."""
    for path in ("/access_token", "/token"):
        assert granted(world.post(GRANT, target=path))["scope"] == READ
        refused(world.post(b"grant_type=unknown", target=path), 400, "unsupported_grant_type")
    metadata = world.server.get("/.well-known/oauth-authorization-server").json()
    assert metadata["token_endpoint"] == f"{world.server.issuer}/access_token"


@pytest.mark.parametrize(
    "path",
    [
        *("/token/", "/token/x", "/token%00", "/token%0A", "/token%20", "/Token", "//token"),
        *("/access_token/", "/access_token/x", "/access_token%00", "/x/../token"),
    ],
)
def test_TOK_018_no_other_path_does(world: World, path: str) -> None:
    """It is 404 and no redirect, which credentials would follow."""
    reply = world.post(GRANT, target=path)
    refused(reply, 404, "invalid_request")
    assert "Location" not in reply.headers


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_TOK_019_a_chunked_body_is_read(world: World, size: int) -> None:
    """RFC 9112 §7.1: however it is cut."""
    headers = {**basic(world.client), "Content-Type": FORM, "Transfer-Encoding": "chunked"}
    body = chunked(GRANT + b"&scope=orders.write", size)
    reply = read_reply(world.server.send_raw(compose("POST", TOKEN_PATH, headers, body)))
    assert granted(reply)["scope"] == WRITE


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "identity, gzip"])
def test_TOK_019_a_compressed_body_is_refused(world: World, coding: str) -> None:
    """RFC 9110 §8.4: nothing is ever inflated, by its name alone."""
    reply = world.post(gzip.compress(GRANT), headers={"Content-Encoding": coding})
    refused(reply, 415, "invalid_request")
    reply = world.post(GRANT, headers={"Content-Encoding": coding})
    refused(reply, 415, "invalid_request")


def test_TOK_020_tokens_in_a_row_all_differ(world: World) -> None:
    """RFC 6749 §10.10: a `jti` carries at least 128 random bits."""
    replies = [world.post(GRANT) for _ in range(3)]
    assert len({granted(reply)["access_token"] for reply in replies}) == 3
    identifiers = {str(claims_of(reply)["jti"]) for reply in replies}
    assert len(identifiers) == 3
    for identifier in identifiers:
        assert re.fullmatch(r"[A-Za-z0-9_-]{22,}", identifier)


def test_TOK_020_opaque_tokens_cannot_be_guessed(world: World) -> None:
    """RFC 6749 §10.10: beyond what they all begin with, 160 bits or more are left."""
    tokens = [granted(world.server.issue(world.opaque))["access_token"] for _ in range(3)]
    assert len(set(tokens)) == 3
    alike = min(
        next(at for at, pair in enumerate(zip(tokens[0], other, strict=True)) if len(set(pair)) > 1)
        for other in tokens[1:]
    )
    for token in tokens:
        assert re.fullmatch(r"[A-Za-z0-9_-]{27,}", token[alike:])
        assert len(token) < 4096
