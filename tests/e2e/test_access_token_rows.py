"""The rows ATJ of the conformance matrix: access tokens as RFC 9068 has them."""

import base64
import binascii
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import joserfc.errors
import joserfc.jwk
import joserfc.jwt
import jwt
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted

# A proxy stands in front: the issuer is not where the server listens, and ends in a slash.
ISSUER = "https://id.example.com/Tenant/"
READ, POST = "orders.read", "ledger.post"
LEDGER = "https://ledger.example"


@dataclass(frozen=True, slots=True)
class World:
    """A server and a client, which may read orders and post to the ledger.

    The ledger's tokens have to be signed with RS256 and live half an hour at
    most; the others are as the server makes them, for itself.
    """

    server: GrantdProcess
    client: RegisteredClient

    def issue(self, **form: str) -> dict[str, Any]:
        return granted(self.server.issue(self.client, **form))

    def metadata(self) -> dict[str, Any]:
        """Return what a verifier finds from the issuer alone (RFC 8414 §3.1)."""
        path = urlsplit(ISSUER).path.rstrip("/")
        reply = self.server.get(f"/.well-known/oauth-authorization-server{path}")
        assert reply.status_code == 200
        found: dict[str, Any] = reply.json()
        return found

    @property
    def jwks_url(self) -> str:
        """Where the key set of the metadata is, behind the proxy."""
        path: str = urlsplit(self.metadata()["jwks_uri"]).path
        return self.server.url + path

    def key_set(self) -> dict[str, Any]:
        reply = self.server.get(urlsplit(self.jwks_url).path)
        assert reply.status_code == 200
        found: dict[str, Any] = reply.json()
        return found


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store, {"issuer": ISSUER})
    rs256 = ("--signing-alg", "RS256", "--access-token-ttl", "30m")
    server.require("resources", "create", LEDGER, *rs256)
    server.create_scopes(READ)
    server.require("scopes", "create", POST, "--resource", LEDGER)
    return World(server, server.create_client("orders", "--scope", f"{READ} {POST}"))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT's client asks as urllib does, which would ask a proxy of the environment."""
    monkeypatch.setenv("NO_PROXY", "*")


def decoded(token: str) -> tuple[bytes, bytes, bytes]:
    header, payload, signature = token.split(".")
    return _decode(header), _decode(payload), _decode(signature)


def encoded(header: bytes, payload: bytes, signature: bytes) -> str:
    return ".".join(_encode(part) for part in (header, payload, signature))


def claims_of(members: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decoded(members["access_token"])[1])
    return claims


def _decode(segment: str) -> bytes:
    return binascii.a2b_base64(
        segment.replace("-", "+").replace("_", "/") + "=" * (-len(segment) % 4), strict_mode=True
    )


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def verified_by_pyjwt(world: World, token: str, algorithm: str, audience: str) -> dict[str, Any]:
    """Verify as a resource server with PyJWT does, its key found by `kid`."""
    key = jwt.PyJWKClient(world.jwks_url).get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=audience,
        issuer=ISSUER,
        options={"require": ["iss", "exp", "aud", "sub", "iat", "jti"]},
    )
    return claims


def verified_by_joserfc(world: World, token: str, algorithm: str, audience: str) -> dict[str, Any]:
    """Verify as a resource server with joserfc does."""
    keys = joserfc.jwk.KeySet.import_key_set(world.key_set())  # type: ignore[arg-type]  # it is JSON
    found = joserfc.jwt.decode(token, keys, algorithms=[algorithm])
    joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
    ).validate(found.claims)
    assert found.header["typ"] == "at+jwt"
    claims: dict[str, Any] = found.claims
    return claims


def test_ATJ_001_the_type_is_at_jwt(world: World) -> None:
    """RFC 9068 §2.1: so that no other kind of JWT passes for one, in its short form."""
    for form in (dict[str, str](), {"scope": READ}, {"scope": POST}):
        header = json.loads(decoded(world.issue(**form)["access_token"])[0])
        assert header["typ"] == "at+jwt"


def test_ATJ_002_it_is_signed_with_an_asymmetric_key(world: World) -> None:
    """RFC 9068 §2.1: never `none`; ES256 unless somebody wants another."""
    header, _, signature = decoded(world.issue(scope=READ)["access_token"])
    assert json.loads(header)["alg"] == "ES256"
    assert len(signature) == 64


def test_ATJ_003_all_required_claims_are_there(world: World) -> None:
    """RFC 9068 §2.2: none empty, none twice, and `client_id` names the client."""
    for scope, resource in ((READ, ISSUER), (POST, LEDGER)):
        members = world.issue(scope=scope)
        pairs = json.loads(decoded(members["access_token"])[1], object_pairs_hook=list)
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names)
        claims = dict(pairs)
        for name in ("iss", "exp", "aud", "sub", "client_id", "iat", "jti"):
            assert claims[name]
        assert claims["client_id"] == claims["sub"] == world.client.client_id
        assert claims["aud"] == resource


def test_ATJ_004_times_are_numbers_and_agree_with_expires_in(world: World) -> None:
    """RFC 7519 §4.1: counted in seconds; the token is good now and until it says."""
    for form, lifetime in (({"scope": READ}, 3600), ({"scope": POST}, 1800)):
        members = world.issue(**form)
        now, claims = time.time(), claims_of(members)
        assert type(claims["exp"]) is type(claims["iat"]) is int
        assert members["expires_in"] == lifetime
        assert claims["exp"] - claims["iat"] == lifetime
        assert abs(claims["exp"] - now - lifetime) <= 3
        assert claims["iat"] <= now
        assert claims.get("nbf", 0) <= now


def test_ATJ_005_the_issuer_is_that_of_the_metadata(world: World) -> None:
    """RFC 9068 §4: byte for byte, its last slash too, and whatever the Host says."""
    documents = (
        world.metadata(),
        world.server.get("/.well-known/oauth-authorization-server").json(),
        world.server.get("/Tenant/.well-known/openid-configuration").json(),
    )
    for claims in (claims_of(world.issue()), claims_of(world.issue(scope=POST))):
        assert {claims["iss"], *(one["issuer"] for one in documents)} == {ISSUER}
    reply = world.server.post(
        "/access_token",
        {"grant_type": "client_credentials"},
        auth=world.client.basic,
        headers={"Host": "elsewhere.example", "X-Forwarded-Host": "elsewhere.example"},
    )
    assert claims_of(granted(reply))["iss"] == ISSUER


def test_ATJ_006_every_token_has_an_identifier_of_its_own(world: World) -> None:
    """RFC 7519 §4.1.7: eight tokens, eight strings."""
    identifiers = [claims_of(world.issue())["jti"] for _ in range(8)]
    assert {type(identifier) for identifier in identifiers} == {str}
    assert len(set(identifiers)) == 8


def test_ATJ_007_the_scope_is_a_claim(world: World) -> None:
    """RFC 9068 §2.2.3: one string, the same as in the reply."""
    members = world.issue(scope=READ)
    assert claims_of(members)["scope"] == members["scope"] == READ


@pytest.mark.parametrize(
    ("scope", "algorithm", "resource"), [(READ, "ES256", ISSUER), (POST, "RS256", LEDGER)]
)
@pytest.mark.parametrize("verify", [verified_by_pyjwt, verified_by_joserfc])
def test_ATJ_008_others_verify_it_with_the_published_keys(
    world: World,
    verify: Callable[[World, str, str, str], dict[str, Any]],
    scope: str,
    algorithm: str,
    resource: str,
) -> None:
    """RFC 9068 §4: `kid` selects one key; with a bit flipped in any part nothing verifies."""
    token = world.issue(scope=scope)["access_token"]
    header, payload, signature = decoded(token)
    key_id = json.loads(header)["kid"]
    assert [key["kid"] for key in world.key_set()["keys"]].count(key_id) == 1
    assert verify(world, token, algorithm, resource) == json.loads(payload)

    flipped_signatures = [
        encoded(header, payload, flipped(signature, at)) for at in range(0, len(signature), 9)
    ]
    flipped_type = flipped(header, header.index(b"at+jwt"))  # still a string
    flipped_expiry = flipped(payload, payload.index(b'"exp":') + len('"exp":12'))  # still a number
    for forged in (
        *flipped_signatures,
        encoded(flipped_type, payload, signature),
        encoded(header, flipped_expiry, signature),
    ):
        with pytest.raises((jwt.InvalidSignatureError, joserfc.errors.BadSignatureError)):
            verify(world, forged, algorithm, resource)


def flipped(octets: bytes, at: int) -> bytes:
    """Return *octets* with the lowest bit of one of them flipped."""
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


def test_ATJ_009_an_rs256_key_is_published(world: World) -> None:
    """RFC 9068 §2.1: every server supports RS256, whatever its default is."""
    keys = {key["alg"]: key for key in world.key_set()["keys"]}
    assert keys.keys() == {"ES256", "RS256"}
    assert (keys["RS256"]["kty"], keys["RS256"]["use"]) == ("RSA", "sig")
    assert len(_decode(keys["RS256"]["n"])) * 8 >= 2048
    for key in keys.values():
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.mark.parametrize("form", [{"scope": POST}, {"resource": LEDGER}])
def test_ATJ_009_a_resource_that_wants_rs256_gets_it(world: World, form: dict[str, str]) -> None:
    """By its scope or by its name, and from the published RS256 key."""
    header = json.loads(decoded(world.issue(**form)["access_token"])[0])
    keys = {key["kid"]: key for key in world.key_set()["keys"]}
    assert header["alg"] == keys[header["kid"]]["alg"] == "RS256"


@pytest.mark.parametrize("scope", [READ, POST])
def test_ATJ_010_the_text_is_compact_and_gives_nothing_away(world: World, scope: str) -> None:
    """RFC 7515 §2: three parts in base64url without padding, no key and no secret in them."""
    token = world.issue(scope=scope)["access_token"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", token)
    assert len(token) < 4096
    parts = decoded(token)
    assert encoded(*parts) == token
    assert json.loads(parts[0]).keys() == {"typ", "alg", "kid"}
    assert json.loads(parts[1]).keys() == {
        *("iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti", "grantd")
    }
    told = b"\n".join([token.encode(), *parts])
    assert world.client.secret.encode() not in told
    assert str(world.server.folder).encode() not in told
