"""The rows JWK of the conformance matrix: the published keys (RFC 7517)."""

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused
from support.raw_http import compose, read_reply
from support.scheduled_keys import plan_change

JWKS = "/.well-known/jwks.json"
LEDGER = "https://ledger.example"
POST = "ledger.post"

MEMBERS = {
    "EC": {"kty", "crv", "x", "y"},
    "RSA": {"kty", "n", "e"},
    "OKP": {"kty", "crv", "x"},
}
ABOUT_A_KEY = {"kid", "use", "alg"}
NEVER_PUBLISHED = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@dataclass(frozen=True, slots=True)
class World:
    """A server that publishes three keys, and a client.

    Its active EC key came by file and was chosen for a coordinate that begins
    with a zero; the ledger's tokens have to be signed with RS256.
    """

    server: GrantdProcess
    client: RegisteredClient

    def published(self) -> list[dict[str, Any]]:
        reply = self.server.get(JWKS)
        assert reply.status_code == 200
        found: list[dict[str, Any]] = reply.json()["keys"]
        return found

    def token(self, **form: str) -> str:
        found: str = granted(self.server.issue(self.client, **form))["access_token"]
        return found


@pytest.fixture(scope="module")
def world(
    store: str,
    start_grantd: Callable[..., GrantdProcess],
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    path = tmp_path_factory.mktemp("key") / "signing.pem"
    path.write_bytes(
        key_with_a_short_coordinate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    server = start_grantd(store, {"signing_key_file": str(path)})
    server.require("resources", "create", LEDGER, "--signing-alg", "RS256")
    server.require("scopes", "create", POST, "--resource", LEDGER)
    return World(server, server.create_client("one", "--scope", POST))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT's client asks as urllib does, which would ask a proxy of the environment."""
    monkeypatch.setenv("NO_PROXY", "*")


def key_with_a_short_coordinate() -> ec.EllipticCurvePrivateKey:
    """Make keys until one has an x that would fit into fewer octets: one of 256 has."""
    while True:
        key = ec.generate_private_key(ec.SECP256R1())
        if key.public_key().public_numbers().x < 1 << 248:
            return key


def octets(value: str) -> bytes:
    assert re.fullmatch("[A-Za-z0-9_-]+", value)  # RFC 7515 §2: no padding
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def thumbprint(key: dict[str, Any]) -> str:
    """Return the RFC 7638 thumbprint of a key."""
    required = {name: key[name] for name in sorted(MEMBERS[key["kty"]])}
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def max_age_of(reply: httpx.Response) -> int:
    found = re.fullmatch(r"public, max-age=(\d+)", reply.headers["Cache-Control"])
    assert found
    return int(found[1])


def test_JWK_001_everybody_may_read_the_keys(world: World) -> None:
    """RFC 7517 §5: an object with `keys`, of which there are some."""
    reply = world.server.get(JWKS)
    assert reply.status_code == 200
    media_type = reply.headers["Content-Type"].partition(";")[0]
    assert media_type in {"application/jwk-set+json", "application/json"}
    assert reply.json()["keys"]
    assert all(isinstance(key, dict) for key in reply.json()["keys"])
    junk = world.server.get(JWKS, {"Authorization": "Basic junk", "Accept": "text/html"})
    assert (junk.status_code, junk.content) == (200, reply.content)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_JWK_001_nobody_may_do_more_than_read_them(world: World, method: str) -> None:
    """RFC 9110 §15.5.6: 405, and what is allowed instead."""
    reply = read_reply(world.server.send_raw(compose(method, JWKS, {"Content-Length": "2"}, b"{}")))
    refused(reply, 405, "invalid_request")
    assert {one.strip() for one in reply.headers["Allow"].split(",")} == {"GET", "HEAD"}


def test_JWK_002_no_private_member_is_published(world: World) -> None:
    """RFC 7517 §9.2: of each key the public members and no others; no symmetric keys."""
    for key in world.published():
        assert key["kty"] != "oct"
        assert not NEVER_PUBLISHED & set(key)
        assert set(key) == MEMBERS[key["kty"]] | ABOUT_A_KEY


def test_JWK_003_every_key_says_what_it_is_for(world: World) -> None:
    """RFC 7517 §4: `kid` is unique, and its thumbprint; an ES256 and an RS256 key are there."""
    keys = world.published()
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key["use"] == "sig"
        assert key["kid"] == thumbprint(key)
        assert key["alg"] in {"EC": ["ES256"], "RSA": ["RS256"], "OKP": ["EdDSA"]}[key["kty"]]
    assert {"ES256", "RS256"} <= {key["alg"] for key in keys}


def test_JWK_004_keys_are_strong_and_written_as_they_have_to_be(world: World) -> None:
    """RFC 7518 §6.2 and §6.3: RSA of 2,048 bits at least, EC coordinates of full length."""
    keys = world.published()
    for key in keys:
        if key["kty"] == "RSA":
            modulus, exponent = octets(key["n"]), octets(key["e"])
            assert int.from_bytes(modulus).bit_length() >= 2_048
            assert modulus[0] != 0
            assert exponent == (65_537).to_bytes(3)
        if key["kty"] == "EC":
            assert key["crv"] == "P-256"
            assert len(octets(key["x"])) == len(octets(key["y"])) == 32
    assert any(octets(key["x"])[0] == 0 for key in keys if key["kty"] == "EC")


@pytest.mark.parametrize(("scope", "algorithm"), [("", "ES256"), (POST, "RS256")])
def test_JWK_005_a_stock_client_finds_the_key(world: World, scope: str, algorithm: str) -> None:
    """RFC 9068 §4: PyJWT's client, by `kid`, and the token verifies."""
    token = world.token(scope=scope)
    metadata = world.server.get("/.well-known/oauth-authorization-server").json()
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=LEDGER if scope else world.server.issuer,
        issuer=world.server.issuer,
        options={"require": ["iss", "exp", "aud", "sub", "iat", "jti"]},
    )
    assert claims["client_id"] == world.client.client_id


def test_JWK_006_verifiers_may_keep_a_copy(world: World) -> None:
    """RFC 9111 §5.2.2: an hour while no key waits for its time; and browsers may read it."""
    reply = world.server.get(JWKS)
    assert max_age_of(reply) == 3_600
    assert "no-store" not in reply.headers["Cache-Control"]
    assert "Pragma" not in reply.headers
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


@dataclass(frozen=True, slots=True)
class Glance:
    """What a verifier that fetched the keys saw, and what was signed right after.

    Attributes:
        good_until: When its copy has to be fetched anew.
    """

    fetched_at: float
    good_until: float
    published: frozenset[str]
    signed_by: str
    token: str


def glance(server: GrantdProcess, client: RegisteredClient) -> Glance:
    fetched_at = time.time()
    reply = server.get(JWKS)
    token = granted(server.issue(client))["access_token"]
    return Glance(
        fetched_at,
        fetched_at + max_age_of(reply),
        frozenset(key["kid"] for key in reply.json()["keys"]),
        jwt.get_unverified_header(token)["kid"],
        token,
    )


async def test_JWK_007_a_key_is_published_before_its_use_and_until_its_tokens_are_gone(
    store: str, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """Seen through a whole change of keys.

    What is proved is that a schedule is kept, and how long copies are good.
    The schedule itself is laid into the store by the test; that a rotation
    chooses one that holds is proved by the test under load.
    """
    server = prepare_grantd(store, {"access_token_ttl": "3s"})
    client = server.create_client("one")
    server.start()
    now = datetime.now(UTC)  # noqa: TID251  (it is the server's clock that decides)
    change, removal = now + timedelta(seconds=3), now + timedelta(seconds=6)
    old, new = await plan_change(server, change=change, removal=removal)

    seen = [glance(server, client)]
    while seen[-1].fetched_at < change.timestamp() + 0.5:
        await asyncio.sleep(0.1)
        seen.append(glance(server, client))
    before = [one for one in seen if one.signed_by == old]
    after = seen[len(before) :]
    assert before
    assert after
    assert {one.signed_by for one in after} == {new}

    # The new key is there from the start, and no copy outlives the change unawares.
    for one in before:
        assert {old, new} <= one.published
        assert one.good_until <= change.timestamp() + 1
    for copy in seen:
        later = [one for one in seen if copy.fetched_at <= one.fetched_at <= copy.good_until]
        assert {one.signed_by for one in later} <= copy.published

    # The old key is there until the last token it signed has expired.
    last = before[-1].token
    assert old in after[-1].published
    assert introspected(server.introspect(client, last))["active"] is True
    exp = jwt.decode(last, options={"verify_signature": False})["exp"]
    assert exp <= removal.timestamp()
    await asyncio.sleep(max(0.0, removal.timestamp() - time.time()))
    gone = glance(server, client)
    assert old not in gone.published
    assert new in gone.published
    assert gone.good_until - gone.fetched_at == 3_600
    assert introspected(server.introspect(client, last)) == {"active": False}
