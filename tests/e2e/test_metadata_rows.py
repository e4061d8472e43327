"""The rows MET of the conformance matrix: what the server says of itself (RFC 8414)."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused
from support.raw_http import compose, read_reply

METADATA = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
ENDPOINTS = ("token_endpoint", "introspection_endpoint", "revocation_endpoint")
READ = "orders.read"

# A proxy stands in front: the issuer is not where the server listens, and ends in a slash.
ISSUER = "https://id.example.com/Tenant/"
AT_THE_ISSUER = (
    *(METADATA, OPENID, f"{METADATA}/Tenant", f"{OPENID}/Tenant"),
    *(f"/Tenant{METADATA}", f"/Tenant{OPENID}"),
)

ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "Host": {"Host": "elsewhere.example"},
    "Host with a port": {"Host": "elsewhere.example:8443"},
    "X-Forwarded-Host": {"X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Port": "8443"},
    "X-Forwarded-Proto": {"X-Forwarded-Proto": "ftp", "X-Forwarded-Ssl": "on"},
    "X-Forwarded-Prefix": {"X-Forwarded-Prefix": "/elsewhere", "X-Script-Name": "/elsewhere"},
    "Forwarded": {"Forwarded": "for=192.0.2.1;host=elsewhere.example;proto=https"},
    "X-Original-URL": {"X-Original-URL": "/elsewhere", "X-Rewrite-URL": "/elsewhere"},
}


@dataclass(frozen=True, slots=True)
class World:
    """A server on loopback that does all it can, and one behind a proxy that does less.

    Attributes:
        strict: It takes no secrets in the body and grants client credentials
            alone.
    """

    server: GrantdProcess
    strict: GrantdProcess
    client: RegisteredClient

    @property
    def documents(self) -> Iterator[dict[str, Any]]:
        """Each document of each server."""
        for server, paths in ((self.server, (METADATA, OPENID)), (self.strict, AT_THE_ISSUER)):
            for path in paths:
                yield read(server.get(path))

    @property
    def document(self) -> dict[str, Any]:
        return read(self.server.get(METADATA))


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store)
    server.create_scopes(READ, "Orders.Write", "a")
    client = server.create_client(
        "one", "--scope", READ, "--grant", "client_credentials", "--grant", "refresh_token"
    )
    strict = start_grantd(
        store,
        {
            "issuer": ISSUER,
            "grants": "client_credentials",
            "allow_credentials_in_request_body": "false",
        },
    )
    return World(server, strict, client)


def read(reply: httpx.Response) -> dict[str, Any]:
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].partition(";")[0] == "application/json"
    document = reply.json()
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("path", [METADATA, OPENID])
@pytest.mark.parametrize(
    "authorization", [None, "Basic nonsense", "Basic b25lOndyb25n", "Bearer junk", "Digest", ""]
)
def test_MET_001_everybody_may_read_it(world: World, path: str, authorization: str | None) -> None:
    """RFC 8414 §3.2: 200, a JSON object; credentials are not looked at."""
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = world.server.get(path, headers)
    assert read(reply) == world.document
    assert "WWW-Authenticate" not in reply.headers
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "no-store" not in reply.headers["Cache-Control"]


def test_MET_002_the_issuer_is_the_configured_one(world: World) -> None:
    """RFC 8414 §3.3: byte for byte, its last slash too, wherever the document is read."""
    assert world.document["issuer"] == world.server.issuer
    for path in AT_THE_ISSUER:
        assert read(world.strict.get(path))["issuer"] == ISSUER


@pytest.mark.parametrize(
    "issuer",
    [
        *("https://id.example.com?tenant=1", "https://id.example.com#top", "http://id.example.com"),
        *("https://id.example.com/?", "id.example.com", "ftp://id.example.com", "https://"),
    ],
)
def test_MET_002_another_issuer_cannot_be_configured(
    issuer: str, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """RFC 8414 §2: https, or http on loopback, without query and fragment."""
    done = prepare_grantd(settings={"issuer": issuer}).run("config", "check")
    assert done.returncode == 1
    assert "GRANTD_ISSUER" in done.stderr


def test_MET_003_the_endpoints_are_at_the_issuer(world: World) -> None:
    """RFC 8414 §2: absolute URLs without query and fragment, of the issuer's authority."""
    for document in world.documents:
        issuer = urlsplit(document["issuer"])
        for member in (*ENDPOINTS, "jwks_uri"):
            url = urlsplit(document[member])
            assert (url.scheme, url.netloc) == (issuer.scheme, issuer.netloc)
            assert url.path.startswith(f"{issuer.path.rstrip('/')}/")
            assert not url.query
            assert "#" not in document[member]


def test_MET_003_the_endpoints_are_where_it_says(world: World) -> None:
    """Each is used once, as found in the document."""
    paths = {member: urlsplit(world.document[member]).path for member in (*ENDPOINTS, "jwks_uri")}
    auth = world.client.basic
    form = {"grant_type": "client_credentials"}
    token = granted(world.server.post(paths["token_endpoint"], form, auth=auth))["access_token"]
    asked = {"token": token}
    assert introspected(world.server.post(paths["introspection_endpoint"], asked, auth=auth))[
        "active"
    ]
    assert world.server.post(paths["revocation_endpoint"], asked, auth=auth).status_code == 200
    assert not introspected(world.server.post(paths["introspection_endpoint"], asked, auth=auth))[
        "active"
    ]
    assert world.server.get(paths["jwks_uri"]).json()["keys"]
    for path in map(urlsplit, (world.strict.get(METADATA).json()[one] for one in ENDPOINTS)):
        refused(world.strict.post(path.path, form), 401, "invalid_client")


def test_MET_004_there_are_no_response_types(world: World) -> None:
    """RFC 8414 §2: REQUIRED, and empty where nobody is redirected."""
    for document in world.documents:
        assert document["response_types_supported"] == []


def test_MET_005_the_grant_types_are_those_that_are_switched_on(world: World) -> None:
    """RFC 8414 §2: the default, if it were omitted, would be wrong."""
    assert sorted(world.document["grant_types_supported"]) == [
        "client_credentials",
        "refresh_token",
    ]
    for path in AT_THE_ISSUER:
        document = read(world.strict.get(path))
        assert document["grant_types_supported"] == ["client_credentials"]


def test_MET_005_every_grant_type_listed_is_known_and_no_other(world: World) -> None:
    """A request that lacks everything else shows which error comes."""
    listed = world.document["grant_types_supported"]
    for grant_type in (*listed, "password", "authorization_code", "implicit", "urn:x"):
        form = {"grant_type": grant_type, "scope": "not.granted"}
        reply = world.server.post("/access_token", form, auth=world.client.basic)
        error = reply.json()["error"]
        assert reply.status_code == 400
        assert (error != "unsupported_grant_type") is (grant_type in listed)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_MET_006_authentication_methods_and_their_algorithms_are_listed(
    world: World, endpoint: str
) -> None:
    """RFC 8414 §2: algorithms if and only if a method with JWTs is, and never `none`."""
    for document in world.documents:
        methods = document[f"{endpoint}_auth_methods_supported"]
        assert len(set(methods)) == len(methods)
        assert "client_secret_basic" in methods
        is_strict = document["issuer"] == ISSUER
        assert ("client_secret_post" in methods) is not is_strict

        algorithms = document.get(f"{endpoint}_auth_signing_alg_values_supported", [])
        assert len(set(algorithms)) == len(algorithms)
        assert "none" not in map(str.lower, algorithms)
        symmetric = {one for one in algorithms if one.startswith("HS")}
        assert bool(symmetric) is ("client_secret_jwt" in methods)
        assert bool(set(algorithms) - symmetric) is ("private_key_jwt" in methods)


def test_MET_006_a_public_client_may_not_introspect(world: World) -> None:
    """RFC 7662 §2.1: `none` is listed where a name alone is enough (RFC 7591 §2)."""
    for document in world.documents:
        listed = {one for one in ENDPOINTS if "none" in document[f"{one}_auth_methods_supported"]}
        assert listed == {"token_endpoint", "revocation_endpoint"}


def test_MET_007_nothing_is_empty_and_nothing_null(world: World) -> None:
    """RFC 8414 §3.2: a member without a value is left out; a server without scopes does so."""
    for document in world.documents:
        assert None not in document.values()
        empty = [name for name, value in document.items() if value in ([], {}, "")]
        assert empty == ["response_types_supported"]
    assert "scopes_supported" not in read(world.strict.get(METADATA))


def test_MET_008_nothing_is_said_of_dpop(world: World) -> None:
    """RFC 9449 §5.1: by the member's absence a client knows that it is not there."""
    for document in world.documents:
        assert "dpop_signing_alg_values_supported" not in document


def test_MET_009_nothing_is_said_of_mutual_tls(world: World) -> None:
    """RFC 8705 §3.3: left out, it is false; and there are no aliases (§5)."""
    for document in world.documents:
        assert "tls_client_certificate_bound_access_tokens" not in document
        assert "mtls_endpoint_aliases" not in document
        for endpoint in ENDPOINTS:
            methods = document[f"{endpoint}_auth_methods_supported"]
            assert not {"tls_client_auth", "self_signed_tls_client_auth"} & set(methods)


def test_MET_010_the_scopes_are_listed(world: World) -> None:
    """RFC 8414 §2: as they are written, and a new one at once."""
    assert world.document["scopes_supported"] == sorted([READ, "Orders.Write", "a"])
    world.server.create_scopes("b")
    try:
        assert "b" in world.document["scopes_supported"]
    finally:
        world.server.require("scopes", "delete", "b")


@pytest.mark.parametrize("path", [METADATA, OPENID])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_MET_011_it_is_read_and_nothing_else(world: World, path: str, method: str) -> None:
    """RFC 9110 §15.5.6: 405, and what is allowed instead."""
    reply = read_reply(world.server.send_raw(compose(method, path, {"Content-Length": "2"}, b"{}")))
    refused(reply, 405, "invalid_request")
    assert {one.strip() for one in reply.headers["Allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_MET_012_no_header_moves_an_endpoint(world: World, name: str) -> None:
    """RFC 8414 §6.2: the document comes from configuration, byte for byte."""
    for server, paths in ((world.server, (METADATA, OPENID)), (world.strict, AT_THE_ISSUER)):
        for path in paths:
            usual = server.get(path)
            reply = server.get(path, ELSEWHERE[name])
            assert reply.status_code == 200
            assert reply.content == usual.content
            assert "elsewhere" not in str(reply.headers)
    form = {"grant_type": "client_credentials"}
    reply = world.server.post(
        "/access_token", form, auth=world.client.basic, headers=ELSEWHERE[name]
    )
    token = granted(reply)["access_token"]
    told = introspected(world.server.introspect(world.client, token))
    assert told["iss"] == told["aud"] == world.server.issuer


def test_MET_013_nothing_is_offered_that_needs_a_browser_or_a_password(world: World) -> None:
    """RFC 9700 §2.1.2 and §2.4: no authorization endpoint, no implicit or password grant."""
    for document in world.documents:
        offered = {name for name in document if name.startswith(("authorization", "end_session"))}
        assert not offered
        assert not {"password", "implicit", "authorization_code"} & set(
            document["grant_types_supported"]
        )
        assert "userinfo_endpoint" not in document


@pytest.mark.parametrize("name", [METADATA, OPENID])
@pytest.mark.parametrize(
    "suffix",
    ["/other", "/", "/Tenant/other", "/tenant", "/Tenant/", "/Tenantx", "x", "%00", "/..%2f", "//"],
)
def test_MET_014_there_is_no_document_of_an_issuer_that_is_not_there(
    world: World, name: str, suffix: str
) -> None:
    """RFC 8414 §3.1: 404, without a redirect."""
    for server, prefix in itertools.product((world.server, world.strict), ("", "/other")):
        reply = read_reply(server.send_raw(compose("GET", f"{prefix}{name}{suffix}", {})))
        refused(reply, 404, "invalid_request")
        assert "Location" not in reply.headers


def test_MET_014_a_server_without_a_path_has_no_document_under_one(world: World) -> None:
    """What is there for the issuer with the path is not there for the one without."""
    for path in set(AT_THE_ISSUER) - {METADATA, OPENID}:
        read(world.strict.get(path))
        refused(world.server.get(path), 404, "invalid_request")
