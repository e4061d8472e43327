"""The rows INT of the conformance matrix: introspection (RFC 7662, RFC 9701)."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, looks, refused
from support.polling import wait_until
from support.raw_http import basic, compose, post_form, read_reply

ORDERS, BILLING = "https://orders.example", "https://billing.example"
READ, WRITE = "orders.read", "orders.write"
INACTIVE = {"active": False}
SIGNED = "application/token-introspection+jwt"
BOTH_GRANTS = ("--grant", "client_credentials", "--grant", "refresh_token")

FormsOfTokens = pytest.mark.parametrize("form", ["jwt", "opaque"])
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """A server whose signing key the tests know, and who asks it.

    Attributes:
        key: What signs the server's tokens with ES256.

        clients: `jwt` and `opaque` get tokens of that form for orders,
            `brief` ones that live two seconds, `renewing` refresh tokens too.
            `orders` and `billing` are the services, `auditor` may see all,
            `stranger` nothing but its own, `app` is public.
    """

    server: GrantdProcess
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    clients: Mapping[str, RegisteredClient]

    def issue(self, name: str, **form: str) -> Json:
        return granted(self.server.issue(self.clients[name], **form))

    def token(self, name: str, **form: str) -> str:
        found: str = self.issue(name, **form)["access_token"]
        return found

    def ask(
        self, token: str, *, as_: str = "orders", headers: Mapping[str, str] = {}, **form: str
    ) -> httpx.Response:
        sent = {"token": token, **form}
        return self.server.post("/introspect", sent, auth=self.clients[as_].basic, headers=headers)

    def tell(self, token: str, *, as_: str = "orders", hint: str = "") -> Json:
        return introspected(self.ask(token, as_=as_, token_type_hint=hint))

    def key_set(self) -> Json:
        found: Json = self.server.get("/.well-known/jwks.json").json()
        return found


@pytest.fixture(scope="module")
def world(
    store: str,
    start_grantd: Callable[..., GrantdProcess],
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    key = ec.generate_private_key(ec.SECP256R1())
    path: Path = tmp_path_factory.mktemp("key") / "signing.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = start_grantd(store, {"signing_key_file": str(path)})
    for resource in (ORDERS, BILLING):
        server.require("resources", "create", resource)
    for scope in (READ, WRITE):
        server.require("scopes", "create", scope, "--resource", ORDERS)
    asks = ("--scope", f"{READ} {WRITE}", "--default-scope", READ)
    flags: dict[str, Sequence[str]] = {
        "jwt": (*asks, "--owner", "alice"),
        "opaque": (*asks, "--owner", "bob", "--token-format", "opaque"),
        "brief": (*asks, "--access-token-ttl", "2s"),
        "brief-opaque": (*asks, "--access-token-ttl", "2s", "--token-format", "opaque"),
        "renewing": (*asks, *BOTH_GRANTS, "--issue-refresh-token"),
        "briefly-renewing": (
            *(*asks, *BOTH_GRANTS, "--issue-refresh-token"),
            *("--refresh-token-ttl", "2s"),
        ),
        "orders": ("--serves", ORDERS),
        "billing": ("--serves", BILLING),
        "auditor": ("--introspect-any",),
        "stranger": asks,
        "app": (*asks, "--public"),
    }
    made = server.create_clients(flags)
    return World(server, key, {client.client_id: client for client in made})


def claims_of(token: str) -> Json:
    claims: Json = jwt.decode(token, options={"verify_signature": False})
    return claims


def segment(content: object) -> str:
    octets = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def looks_like_rubbish() -> dict[str, str]:
    """Return what is no token of this server's, each by what it is."""
    claims = {"iss": "https://elsewhere.example", "active": True, "exp": 4_000_000_000}
    return {
        "unknown": "mF_9.B5f-4.1JqM",
        "one letter": "x",
        "no segments": "..",
        "malformed": "e30.e30.e30",
        "not base64": "!.!.!",
        "unsecured": f"{segment({'alg': 'none', 'typ': 'at+jwt'})}.{segment(claims)}.",
        "3 kB": "a" * 3_072,
        "3 kB of a JWT": f"{segment({'alg': 'ES256'})}.{segment({'a': 'b' * 3_000})}.{'a' * 86}",
        "non-ASCII": "t\u00f6k\u00e9n",
        "beyond the BMP": "\U0001f511" * 20,
        "spaces": "a token",
    }


@FormsOfTokens
@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html", ""])
def test_INT_001_an_active_token_is_told_in_json(world: World, form: str, accept: str) -> None:
    """RFC 7662 §2.2: 200, not to be stored, and no less so for an inactive one."""
    active = world.ask(world.token(form), headers={"Accept": accept})
    inactive = world.ask("unknown", headers={"Accept": accept})
    assert introspected(active)["active"] is True
    assert introspected(inactive) == INACTIVE
    for reply in (active, inactive):
        assert reply.headers["Content-Type"].partition(";")[0] == "application/json"
        assert reply.headers.get_list("Cache-Control") == ["no-store"]


@FormsOfTokens
def test_INT_002_the_members_agree_with_the_token(world: World, form: str) -> None:
    """RFC 7662 §2.2: whom it was issued to, what for, from when and until when."""
    before = int(time.time())
    issued = world.issue(form, scope=f"{WRITE} {READ}")
    told = world.tell(issued["access_token"])
    assert told["client_id"] == form
    assert told["scope"] == issued["scope"] == f"{READ} {WRITE}"
    assert told["iss"] == world.server.issuer
    assert told["aud"] == ORDERS
    assert told["token_type"] == issued["token_type"]
    assert {type(told[name]) for name in ("exp", "iat")} == {int}
    assert told["exp"] - told["iat"] == issued["expires_in"]
    assert before <= told["iat"] <= time.time()
    assert told.get("nbf", 0) <= told["iat"]
    if form == "jwt":
        claims = claims_of(issued["access_token"])
        del claims["grantd"]  # it is between issuer and issuer
        assert {name: told[name] for name in claims} == claims


@FormsOfTokens
def test_INT_003_all_that_a_resource_needs_is_there(world: World, form: str) -> None:
    """RFC 7662 §2.2: and the owner of the client, which is a member of ours."""
    told = world.tell(world.token(form))
    assert set(told) == {
        *("active", "scope", "client_id", "token_type", "exp", "iat"),
        *("sub", "aud", "iss", "jti", "owner"),
    }
    assert told["sub"] == form


@pytest.mark.parametrize("what", looks_like_rubbish())
def test_INT_004_a_token_that_is_none_is_inactive_and_nothing_else(world: World, what: str) -> None:
    """RFC 7662 §2.2: the reply has one member, not even `iss`, whoever asks."""
    usual = world.ask("unknown")
    for caller in ("orders", "jwt", "auditor"):
        reply = world.ask(looks_like_rubbish()[what], as_=caller)
        assert introspected(reply) == INACTIVE
        assert reply.content == b'{"active":false}'
        assert looks(reply) == looks(usual)


def test_INT_005_nobody_is_told_anything_without_authentication(world: World) -> None:
    """RFC 7662 §2.1: whether the token is good or not, and whoever is named."""
    token = world.token("jwt")
    replies = [
        world.server.post("/introspect", form)
        for form in (
            {"token": token},
            {"token": "unknown"},
            {"token": token, "client_id": "orders"},
            {"token": token, "client_id": "jwt"},
            {"token": token, "client_id": "nobody"},
        )
    ]
    for reply in replies:
        refused(reply, 401, "invalid_client")
        assert "active" not in reply.text
        assert looks(reply) == looks(replies[0])


def test_INT_006_a_wrong_secret_is_refused_before_the_token_is_looked_at(world: World) -> None:
    """RFC 6749 §5.2: with a challenge, by either method, and alike for an unknown client."""
    token = world.token("jwt")
    wrong = [RegisteredClient("billing", "wrong"), RegisteredClient("nobody", "wrong")]
    replies = [
        reply
        for one in wrong
        for asked in (token, "unknown", "")
        for reply in (
            world.server.post("/introspect", {"token": asked}, auth=one.basic),
            world.server.post("/introspect", {"token": asked, **one.body}),
        )
    ]
    for reply in replies:
        refused(reply, 401, "invalid_client")
        assert reply.headers["WWW-Authenticate"] == 'Basic realm="grantd"'
        assert "active" not in reply.text
        assert looks(reply) == looks(replies[0])


def test_INT_007_a_public_client_is_told_nothing(world: World) -> None:
    """RFC 7662 §2.1: its name proves nothing, with or without a secret of its invention."""
    token = world.token("jwt")
    for form in ({"client_id": "app"}, {"client_id": "app", "client_secret": "guess"}):
        reply = world.server.post("/introspect", {"token": token, **form})
        refused(reply, 401, "invalid_client")
        assert "active" not in reply.text


def test_INT_008_exactly_one_token_is_asked_about(world: World) -> None:
    """RFC 6749 §3.2: missing, empty and repeated parameters are refused."""
    token = world.token("jwt")
    good = ("token", token)
    for form in ([], [("token", "")], [good, good], [good, ("token", "unknown")],
                 [good, ("token", "")]):  # fmt: skip
        reply = world.server.post("/introspect", form, auth=world.clients["orders"].basic)
        refused(reply, 400, "invalid_request")
        assert "active" not in reply.text


@pytest.mark.parametrize(
    "hint", ["access_token", "refresh_token", "saml2", "ACCESS_TOKEN", "", "\u00fc", "a" * 1_000]
)
def test_INT_009_a_hint_changes_nothing(world: World, hint: str) -> None:
    """RFC 7662 §2.1: right, wrong, unknown or empty; the token is looked for everywhere."""
    renewing = world.issue("renewing")
    for token, caller in (
        (world.token("jwt"), "orders"),
        (world.token("opaque"), "orders"),
        (renewing["access_token"], "orders"),
        (renewing["refresh_token"], "renewing"),
    ):
        hinted = world.ask(token, as_=caller, token_type_hint=hint)
        assert introspected(hinted)["active"] is True
        assert looks(hinted) == looks(world.ask(token, as_=caller))
    assert world.tell("unknown", hint=hint) == INACTIVE


def test_INT_010_a_token_is_asked_about_in_the_body_of_a_post_alone(world: World) -> None:
    """RFC 7662 §4: it would stand in logs elsewhere; nothing is said about it."""
    token, caller = world.token("jwt"), world.clients["orders"]
    gets = [
        read_reply(world.server.send_raw(compose("GET", target, basic(caller))))
        for target in ("/introspect", f"/introspect?token={token}")
    ]
    for reply in gets:
        assert reply.status_code == 405
        assert reply.headers["Allow"] == "POST"
        assert reply.json()["error"] == "invalid_request"
    in_query = [
        post_form(world.server, body, client=caller, target=f"/introspect?token={token}")
        for body in (b"", b"token=unknown", f"token={token}".encode())
    ]
    for reply in in_query:
        refused(reply, 400, "invalid_request")
    as_json = json.dumps({"token": token}).encode()
    sent_as_json = post_form(world.server, as_json, client=caller, content_type="application/json")
    refused(sent_as_json, 415, "invalid_request")
    garbled = [
        post_form(world.server, body, client=caller)
        for body in (b"token=%ff", b"token=\xff", b"token=%c0%af", b"token=%ed%a0%80", b"token=%zz")
    ]
    for reply in garbled:
        refused(reply, 400, "invalid_request")
    for reply in (*gets, *in_query, sent_as_json, *garbled):
        assert "active" not in reply.text
        assert "scope" not in reply.text


@FormsOfTokens
def test_INT_011_a_caller_who_does_not_serve_the_token_is_told_nothing(
    world: World, form: str
) -> None:
    """RFC 7662 §4: who serves its audience, got it, or may see all, is told; nobody else."""
    token = world.token(form)
    for entitled in ("orders", form, "auditor"):
        assert world.tell(token, as_=entitled)["active"] is True
    unknown = looks(world.ask("unknown"))
    for other in ("billing", "stranger", "renewing"):
        reply = world.ask(token, as_=other)
        assert introspected(reply) == INACTIVE
        assert looks(reply) == unknown


@FormsOfTokens
def test_INT_012_a_revoked_token_is_inactive(world: World, form: str) -> None:
    """RFC 7662 §2.2: to everybody, from the very next question."""
    token = world.token(form)
    assert world.tell(token)["active"] is True
    assert world.server.revoke(world.clients[form], token).status_code == 200
    for caller in ("orders", form, "auditor"):
        assert world.tell(token, as_=caller) == INACTIVE


def test_INT_012_a_used_refresh_token_is_inactive(world: World) -> None:
    """Its successor is active instead."""
    client = world.clients["renewing"]
    used = world.issue("renewing")["refresh_token"]
    assert world.tell(used, as_="renewing")["active"] is True
    successor = granted(world.server.refresh(client, used))["refresh_token"]
    assert world.tell(used, as_="renewing") == INACTIVE
    assert world.tell(successor, as_="renewing")["active"] is True


@pytest.mark.parametrize(
    ("client", "kind", "caller"),
    [
        ("brief", "access_token", "orders"),
        ("brief-opaque", "access_token", "orders"),
        ("briefly-renewing", "refresh_token", "briefly-renewing"),
        ("briefly-renewing", "access_token", "orders"),
    ],
)
def test_INT_013_a_token_past_its_time_is_inactive(
    world: World, client: str, kind: str, caller: str
) -> None:
    """RFC 7662 §2.2: active until `exp`, and not a second longer."""
    token = world.issue(client)[kind]
    told = world.tell(token, as_=caller)
    assert told["active"] is True
    wait_until(lambda: world.tell(token, as_=caller) == INACTIVE)
    assert told["exp"] <= time.time() < told["exp"] + 1.5


def test_INT_014_a_refresh_token_is_told_to_its_owner_alone(world: World) -> None:
    """And never as something to bear (REF-013): it has no `token_type`."""
    issued = world.issue("renewing", scope=READ)
    token = issued["refresh_token"]
    told = world.tell(token, as_="renewing")
    assert set(told) == {"active", "scope", "client_id", "exp", "iat", "iss", "aud"}
    assert told["active"] is True
    assert (told["client_id"], told["scope"], told["aud"]) == ("renewing", READ, ORDERS)
    assert told["iss"] == world.server.issuer
    for other in ("orders", "auditor", "stranger"):
        assert world.tell(token, as_=other) == INACTIVE


@pytest.mark.parametrize("caller", ["orders", "jwt", "auditor"])
def test_INT_015_a_jwt_is_introspected_like_any_other_token(world: World, caller: str) -> None:
    """RFC 7662 §2.2: nobody has to know which form a token has."""
    token = world.token("jwt")
    assert token.count(".") == 2
    told = world.tell(token, as_=caller)
    assert told["active"] is True
    assert told["jti"] == claims_of(token)["jti"]


@dataclass(frozen=True, slots=True)
class Forger:
    """Someone with a good token in hand, and with any key that is asked for.

    Attributes:
        own: The server's own key, with which a forger gets further than any
            forger could.
    """

    header: Json
    claims: Json
    own: ec.EllipticCurvePrivateKey = field(repr=False)
    jwk: Json

    def signed(
        self,
        claims: Mapping[str, Any] = {},
        header: Mapping[str, Any] = {},
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> str:
        """Sign the token's claims with some changed; None takes a member away."""
        return jwt.encode(
            _without_none({**self.claims, **claims}),
            key or self.own,
            algorithm=header.get("alg", "ES256"),
            headers=_without_none({**self.header, **header}),
        )

    def unsecured(self, alg: str) -> str:
        return f"{segment({**self.header, 'alg': alg})}.{segment(self.claims)}."

    def keyed_with(self, secret: bytes) -> str:
        """Sign with HS256 under what everybody knows."""
        text = f"{segment({**self.header, 'alg': 'HS256'})}.{segment(self.claims)}"
        return f"{text}.{segment(hmac.digest(secret, text.encode(), 'sha256'))}"


def _without_none(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}


@pytest.fixture(scope="module")
def forger(world: World) -> Forger:
    token = world.token("jwt")
    header = jwt.get_unverified_header(token)
    [jwk] = (one for one in world.key_set()["keys"] if one["kid"] == header["kid"])
    return Forger(header, claims_of(token), world.key, jwk)


def test_INT_016_whoever_has_the_key_can_make_a_token(world: World, forger: Forger) -> None:
    """So that what the forgeries below lack is what they are refused for."""
    assert world.tell(forger.signed())["active"] is True


def forgeries(token: str, forger: Forger) -> dict[str, str]:
    header, payload, signature = token.split(".")
    public = forger.own.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    other = ec.generate_private_key(ec.SECP256R1())
    flipped = base64.urlsafe_b64decode(signature + "==")
    flipped = bytes([flipped[0] ^ 1]) + flipped[1:]
    more = segment({**forger.claims, "scope": f"{READ} {WRITE} admin"})
    later = segment({**forger.claims, "exp": forger.claims["exp"] + 86_400})
    return {
        "a bit of the signature flipped": f"{header}.{payload}.{segment(flipped)}",
        "no signature": f"{header}.{payload}.",
        "a signature of zeros": f"{header}.{payload}.{segment(bytes(64))}",
        "more scope": f"{header}.{more}.{signature}",
        "a longer life": f"{header}.{later}.{signature}",
        "another header": f"{segment({**forger.header, 'a': 1})}.{payload}.{signature}",
        **{f"alg {alg}": forger.unsecured(alg) for alg in ("none", "None", "NONE", "nOnE")},
        "a foreign key under our kid": forger.signed(key=other),
        "a foreign key without kid": forger.signed(header={"kid": None}, key=other),
        "a foreign key of its own kid": forger.signed(header={"kid": "theirs"}, key=other),
        "HS256 keyed with the PEM": forger.keyed_with(pem),
        "HS256 keyed with the PEM, stripped": forger.keyed_with(pem.rstrip()),
        "HS256 keyed with the JWK": forger.keyed_with(json.dumps(forger.jwk).encode()),
        "HS256 keyed with a compact JWK": forger.keyed_with(
            json.dumps(forger.jwk, separators=(",", ":")).encode()
        ),
        "HS256 keyed with the point": forger.keyed_with(point),
        "a foreign issuer": forger.signed({"iss": "https://elsewhere.example"}),
        "almost our issuer": forger.signed({"iss": forger.claims["iss"] + "/"}),
        "no issuer": forger.signed({"iss": None}),
        "no expiry": forger.signed({"exp": None}),
        "a client that is not there": forger.signed({"client_id": "nobody"}),
        "the epoch of another client": forger.signed({"client_id": "stranger"}),
        "a client assertion": forger.signed(
            {"iss": "jwt", "sub": "jwt", "aud": forger.claims["iss"]},
            {"typ": "client-authentication+jwt"},
        ),
        "an introspection reply": forger.signed(
            {"token_introspection": {"active": True}}, {"typ": "token-introspection+jwt"}
        ),
        **{f"typ {typ}": forger.signed(header={"typ": typ}) for typ in ("JWT", "dpop+jwt", "")},
        "no typ": forger.signed(header={"typ": None}),
        "an unknown critical member": forger.signed(header={"crit": ["b64"], "b64": True}),
    }


FORGERIES = (
    *("a bit of the signature flipped", "no signature", "a signature of zeros"),
    *("more scope", "a longer life", "another header"),
    *("alg none", "alg None", "alg NONE", "alg nOnE"),
    *("a foreign key under our kid", "a foreign key without kid", "a foreign key of its own kid"),
    *("HS256 keyed with the PEM", "HS256 keyed with the PEM, stripped"),
    *("HS256 keyed with the JWK", "HS256 keyed with a compact JWK", "HS256 keyed with the point"),
    *("a foreign issuer", "almost our issuer", "no issuer", "no expiry"),
    *("a client that is not there", "the epoch of another client"),
    *("a client assertion", "an introspection reply"),
    *("typ JWT", "typ dpop+jwt", "typ ", "no typ", "an unknown critical member"),
)


@pytest.mark.parametrize("what", FORGERIES)
def test_INT_016_a_forged_token_is_inactive(world: World, forger: Forger, what: str) -> None:
    """RFC 8725 §3: whatever is wrong with it, the reply tells nothing of it, to nobody."""
    made = forgeries(world.token("jwt"), forger)
    assert tuple(made) == FORGERIES
    for caller in ("orders", "jwt", "auditor"):
        reply = world.ask(made[what], as_=caller)
        assert introspected(reply) == INACTIVE
        assert looks(reply) == looks(world.ask("unknown"))


def test_INT_016_a_signed_introspection_reply_is_no_token(world: World) -> None:
    """RFC 9701 §8.1: a real one, which this server signed and whose caller shows it."""
    reply = world.ask(world.token("jwt"), headers={"Accept": SIGNED})
    assert signed_by(world, reply, "RS256")["token_introspection"]["active"] is True
    for caller in ("orders", "jwt", "auditor"):
        assert world.tell(reply.text, as_=caller) == INACTIVE


def signed_by(world: World, reply: httpx.Response, algorithm: str) -> Json:
    """Return the claims of a signed reply, verified with the published key."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"].partition(";")[0] == SIGNED
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Pragma"] == "no-cache"
    header = jwt.get_unverified_header(reply.text)
    assert header["typ"] == "token-introspection+jwt"
    assert header["alg"] == algorithm
    [key] = (one for one in world.key_set()["keys"] if one["kid"] == header["kid"])
    claims: Json = jwt.decode(
        reply.text,
        jwt.PyJWK(key),
        algorithms=[algorithm],
        options={"require": ["iss", "aud", "iat"], "verify_aud": False},
    )
    return claims


@pytest.fixture(scope="module")
def registered(world: World) -> RegisteredClient:
    """A service that wants its replies signed with ES256."""
    metadata = {
        "client_id": "es256",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "introspect_any": True,
        "introspection_signed_response_alg": "ES256",
    }
    path = world.server.folder / "es256.json"
    path.write_text(json.dumps(metadata), encoding="utf-8")
    told = world.server.require("clients", "register", str(path))
    [made] = told if isinstance(told, list) else [told]
    assert made["introspection_signed_response_alg"] == "ES256"
    return RegisteredClient(made["client_id"], made["client_secret"])


@FormsOfTokens
def test_INT_017_a_reply_is_signed_for_who_asks_for_it(world: World, form: str) -> None:
    """RFC 9701 §5: with RS256 unless another is registered, and it says what JSON says."""
    token = world.token(form)
    before = int(time.time())
    claims = signed_by(world, world.ask(token, headers={"Accept": SIGNED}), "RS256")
    assert claims["iss"] == world.server.issuer
    assert type(claims["iat"]) is int
    assert before <= claims["iat"] <= time.time()
    assert claims["token_introspection"]["active"] is True
    assert claims["token_introspection"] == world.tell(token)


def test_INT_017_a_reply_is_signed_with_the_registered_algorithm(
    world: World, registered: RegisteredClient
) -> None:
    """RFC 9701 §6: `introspection_signed_response_alg`."""
    token = world.token("jwt")
    reply = world.server.post(
        "/introspect", {"token": token}, auth=registered.basic, headers={"Accept": SIGNED}
    )
    claims = signed_by(world, reply, "ES256")
    assert claims["aud"] == registered.client_id
    assert claims["token_introspection"]["jti"] == claims_of(token)["jti"]


def test_INT_017_a_refusal_is_json_whatever_is_accepted(world: World) -> None:
    """RFC 9701 §5: errors are as RFC 7662 has them."""
    accept = {"Accept": SIGNED}
    token = world.token("jwt")
    wrong = RegisteredClient("auditor", "wrong")
    reply = world.server.post("/introspect", {"token": token}, auth=wrong.basic, headers=accept)
    refused(reply, 401, "invalid_client")
    refused(world.ask("", headers=accept), 400, "invalid_request")


@pytest.mark.parametrize("caller", ["orders", "jwt", "auditor"])
def test_INT_018_a_signed_reply_is_for_the_caller_alone(world: World, caller: str) -> None:
    """RFC 9701 §5: no top-level `sub` or `exp`, so that it is no access token."""
    reply = world.ask(world.token("jwt"), as_=caller, headers={"Accept": SIGNED})
    claims = signed_by(world, reply, "RS256")
    assert claims["aud"] == caller
    assert set(claims) == {"iss", "aud", "iat", "token_introspection"}


@pytest.mark.parametrize("caller", ["orders", "stranger"])
def test_INT_018_a_signed_reply_tells_no_more_of_an_inactive_token(
    world: World, caller: str
) -> None:
    """RFC 9701 §5: unknown, revoked or a stranger's, it is exactly that."""
    revoked = world.token("jwt")
    assert world.server.revoke(world.clients["jwt"], revoked).status_code == 200
    foreign = world.token("jwt") if caller == "stranger" else "unknown"
    for token in ("unknown", revoked, foreign):
        reply = world.ask(token, as_=caller, headers={"Accept": SIGNED})
        claims = signed_by(world, reply, "RS256")
        assert claims["token_introspection"] == INACTIVE
        assert claims["aud"] == caller
