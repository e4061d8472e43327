"""The rows JWA of the conformance matrix: clients that sign JWTs (RFC 7523, RFC 10070)."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from support.client_assertions import (
    JWT_BEARER,
    Key,
    MacKey,
    PrivateKey,
    assertion_form,
    claims_of,
    segment,
    sign_assertion,
    sign_compact,
)
from support.grantd_process import GrantdProcess, RegisteredClient
from support.key_set_server import KeySetServer, Page, key_set_server
from support.oauth_replies import granted, introspected, looks, refused
from support.raw_http import FORM, compose, post_form, read_reply
from support.registration import register
from support.reply_bytes import unvarying

ISSUER = "https://issuer.example/machines"
TOKEN_ENDPOINT = f"{ISSUER}/access_token"
TOKEN, INTROSPECT, REVOKE = "/access_token", "/introspect", "/revoke"
ENDPOINTS = (TOKEN, INTROSPECT, REVOKE)
GRANT = {"grant_type": "client_credentials"}
UNLIMITED = dict.fromkeys(
    ("failures_per_client_and_source", "failures_per_client", "failures_per_source"), "off"
)
BETWEEN_FETCHES = 10.0
MINUTE, HOUR, DAY = 60, 3_600, 86_400

PUBLISHERS = ("published", "cached", "rotated", "withdrawn", "moved", "gone", "mixed")
Members = dict[str, Any]

# What is kept of published keys is in no store, and waiting for it once is enough.
on_one_store = pytest.mark.parametrize("store", ["sqlite"], indirect=True, scope="module")

HUGE = pytest.param(10**400, id="huge")

EC_KEY = PrivateKey(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec-1")
EC_TWIN = PrivateKey(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec-1")
P384_KEY = PrivateKey(ec.generate_private_key(ec.SECP384R1()), "ES384", "ec-384")
RSA_KEY = PrivateKey(rsa.generate_private_key(65_537, 2_048), "RS256", "rsa-1")


@dataclass(frozen=True, slots=True)
class P384PosingAsES256:
    """Signs with P-384 and says ES256."""

    key: PrivateKey = P384_KEY

    @property
    def header(self) -> Mapping[str, Any]:
        return {**self.key.header, "alg": "ES256"}

    def sign(self, message: bytes) -> bytes:
        return PrivateKey(self.key.private, "ES384").sign(message)


@dataclass(frozen=True, slots=True)
class FixedSignature:
    """Writes the header of a key, and signs with something else."""

    key: Key
    forge: Callable[[bytes], bytes]

    @property
    def header(self) -> Mapping[str, Any]:
        return self.key.header

    def sign(self, message: bytes) -> bytes:
        return self.forge(self.key.sign(message))


@dataclass(frozen=True, slots=True)
class World:
    """A server, its clients, and a web server that some of them publish keys on.

    Attributes:
        keys: What each client signs with.

        refusal: What an unknown client is told.

        fetched_by: When the key sets of `rotated` and `withdrawn` had been
            fetched, which takes a while until they are again.
    """

    server: GrantdProcess
    clients: Mapping[str, RegisteredClient] = field(repr=False)
    keys: Mapping[str, Key] = field(repr=False)
    web: KeySetServer
    fetched_by: float
    refusal: bytes = b""

    def wait_for_the_next_fetch(self) -> None:
        time.sleep(max(0, self.fetched_by + BETWEEN_FETCHES + 0.5 - time.monotonic()))

    def sign(
        self,
        name: str = "elliptic",
        audience: object = ISSUER,
        *,
        header: Mapping[str, object] = {},
        **claims: object,
    ) -> str:
        """Write an assertion as a client does, but for what is said to be other."""
        return sign_assertion(name, audience, self.keys[name], header=header, **claims)

    def send(self, assertion: str, path: str = TOKEN, **form: str) -> httpx.Response:
        return read_reply(self.post({**GRANT, **assertion_form(assertion), **form}, path))

    def take(self, assertion: str, **form: str) -> str:
        """Demand that an assertion is taken, and return the token."""
        token: str = granted(self.send(assertion, **form))["access_token"]
        return token

    def refuse(self, assertion: str, path: str = TOKEN, **form: str) -> None:
        """Demand the one answer to every failed authentication, to the byte (JWA-027)."""
        received = self.post({**GRANT, **assertion_form(assertion), **form}, path)
        refused(read_reply(received), 401, "invalid_client")
        assert unvarying(received) == self.refusal

    def post(self, form: Mapping[str, str], path: str = TOKEN) -> bytes:
        body = urlencode(form).encode("ascii")
        head = compose("POST", path, {"Content-Type": FORM, "Content-Length": str(len(body))})
        return self.server.send_raw(head + body)


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> Iterator[World]:
    with ExitStack() as stack:
        web = stack.enter_context(key_set_server())
        server = start_grantd(store, {"issuer": ISSUER, **UNLIMITED})
        signs: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"}
        elliptic = {**signs, "jwks": {"keys": [EC_KEY.jwk]}}
        metadata: dict[str, dict[str, Any]] = {
            "elliptic": {**elliptic, "token_endpoint_auth_signing_alg": "ES256"},
            "rivest": {
                **signs,
                "jwks": {"keys": [RSA_KEY.jwk]},
                "token_endpoint_auth_signing_alg": "RS256",
            },
            "secretive": {
                "token_endpoint_auth_method": "client_secret_jwt",
                "token_endpoint_auth_signing_alg": "HS256",
            },
            "any-algorithm": {**signs, "jwks": {"keys": [EC_KEY.jwk, RSA_KEY.jwk]}},
            "one-algorithm": {
                **signs,
                "jwks": {"keys": [EC_KEY.jwk, RSA_KEY.jwk]},
                "token_endpoint_auth_signing_alg": "ES256",
            },
            "namesake": elliptic,
            "excused": {**elliptic, "accept_token_endpoint_audience": True},
            **{name: {**signs, "jwks_uri": f"{web.url}/{name}"} for name in PUBLISHERS},
            "basic": {"token_endpoint_auth_method": "client_secret_basic"},
            "post": {"token_endpoint_auth_method": "client_secret_post"},
            "public": {"token_endpoint_auth_method": "none"},
        }
        clients = register(server, metadata)
        keys: dict[str, Key] = dict.fromkeys(metadata, EC_KEY)
        keys["rivest"] = RSA_KEY
        for name in ("secretive", "basic", "post"):
            keys[name] = MacKey(clients[name].secret.encode())
        web.publish("/published", [EC_KEY.jwk])
        web.publish("/rotated", [EC_KEY.jwk])
        web.publish("/withdrawn", [EC_KEY.jwk], cache="no-store")
        world = World(server, clients, keys, web, fetched_by=time.monotonic())
        for name in ("rotated", "withdrawn"):
            world.take(world.sign(name))
        refusal = unvarying(world.post({"client_id": "nobody"}))
        yield replace(world, refusal=refusal, fetched_by=time.monotonic())


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER]], ids=["string", "array"])
@pytest.mark.parametrize("name", ["elliptic", "rivest", "secretive", "any-algorithm", "published"])
def test_JWA_001_a_signed_assertion_proves_a_client(
    world: World, name: str, audience: object
) -> None:
    """RFC 7523 §2.2: by a key, by a secret, by a key that is published."""
    token = world.take(world.sign(name, audience))
    told = introspected(world.send(world.sign(name), INTROSPECT, token=token))
    assert (told["active"], told["client_id"]) == (True, name)


@pytest.mark.parametrize(
    "audience",
    [
        *(TOKEN_ENDPOINT, [TOKEN_ENDPOINT], [ISSUER, TOKEN_ENDPOINT], [TOKEN_ENDPOINT, ISSUER]),
        *([ISSUER, "https://other.example"], ["https://other.example", ISSUER], [ISSUER, ISSUER]),
        *(f"{ISSUER}/introspect", f"{ISSUER}/revoke", f"{ISSUER}/token", [ISSUER, 1]),
    ],
)
@pytest.mark.parametrize("name", ["elliptic", "secretive"])
def test_JWA_002_the_issuer_is_the_only_audience(world: World, name: str, audience: object) -> None:
    """RFC 10070 §4: neither an endpoint nor anything beside the issuer."""
    for path in ENDPOINTS:
        world.refuse(world.sign(name, audience), path, token="token")


def test_JWA_002_a_client_may_be_excused(world: World) -> None:
    """Older libraries write the token endpoint's URL; still nothing may stand beside it."""
    world.take(world.sign("excused", TOKEN_ENDPOINT))
    world.take(world.sign("excused", [TOKEN_ENDPOINT]))
    world.take(world.sign("excused", ISSUER))
    for audience in ([ISSUER, TOKEN_ENDPOINT], f"{ISSUER}/introspect", "https://other.example"):
        world.refuse(world.sign("excused", audience))


@pytest.mark.parametrize(
    "audience",
    [
        *(..., "", [], {}, {"iss": ISSUER}, 1, None, True, False, 1.5, [1], [None], [[ISSUER]]),
        *([""], [{}], "https://other.example", ["https://other.example"], "*", "elliptic"),
    ],
)
def test_JWA_003_another_audience_or_none_is_refused(world: World, audience: object) -> None:
    """RFC 7523 §3 (3), whatever its type."""
    for name in ("elliptic", "secretive"):
        world.refuse(world.sign(name, audience))


@pytest.mark.parametrize(
    "almost",
    [
        *(f"{ISSUER}/", ISSUER[:-1], f"{ISSUER}.", f"{ISSUER} ", f" {ISSUER}", f"{ISSUER}s"),
        *(
            "https://issuer.example:443/machines",
            "https://issuer.example",
            f"{ISSUER}?",
            f"{ISSUER}#",
        ),
        *("HTTPS://issuer.example/machines", "https://ISSUER.example/machines", ISSUER.upper()),
        *("https://issuer.example/Machines", "https://issuer.example//machines"),
        *("http://issuer.example/machines", "issuer.example/machines", f"{ISSUER}/evil"),
        *("https://issuer.example/m%61chines", "https://issuer.example/x/../machines"),
        *(f"{ISSUER}\0", f"{ISSUER}\n", "https://issuer.example.evil/machines"),
    ],
)
def test_JWA_004_what_almost_is_the_issuer_is_refused(world: World, almost: str) -> None:
    """RFC 3986 §6.2.1: strings are compared, and nothing is normalised."""
    for audience in (almost, [almost]):
        world.refuse(world.sign("elliptic", audience))


@pytest.mark.parametrize("claim", ["iss", "sub"])
@pytest.mark.parametrize(
    "value",
    [
        *(..., "", "namesake", "nobody", "Elliptic", "elliptic ", "elliptic\0", ISSUER, None, 1),
        *(
            True,
            1.5,
            [],
            ["elliptic"],
            {},
            {"elliptic": 1},
            pytest.param("e" * 5_000, id="long"),
            "\ud800",
        ),
    ],
)
def test_JWA_005_iss_and_sub_are_the_client(world: World, claim: str, value: object) -> None:
    """RFC 7523 §3 (1), (2): both, and as strings."""
    changed: Members = {claim: value}
    world.refuse(world.sign(**changed))
    named = world.send(world.sign(**changed), client_id="elliptic")
    if claim == "sub" and isinstance(value, str) and 0 < len(value) < 256 and value.isprintable():
        refused(named, 400, "invalid_request")  # it names two clients (JWA-006)
    else:
        refused(named, 401, "invalid_client")


def test_JWA_005_another_client_cannot_speak_for_one(world: World) -> None:
    """Though both have the same key, which is their business."""
    world.refuse(world.sign("elliptic", iss="namesake"))
    world.refuse(world.sign("elliptic", sub="namesake"))
    world.refuse(world.sign("rivest", iss="elliptic", sub="elliptic"))
    world.take(world.sign("namesake"))


def test_JWA_006_the_client_id_may_be_given_beside_the_assertion(world: World) -> None:
    """RFC 7521 §4.2: it has to be the same then; a refusal for it spends nothing."""
    assertion = world.sign()
    for other in ("namesake", "nobody", "Elliptic"):
        refused(world.send(assertion, client_id=other), 400, "invalid_request")
    world.take(assertion, client_id="elliptic")
    world.take(world.sign())


@pytest.mark.parametrize(
    "expiry",
    [
        *(..., None, "", "tomorrow", {}, [], True, False, -1, 0, 1, "9999999999", [9_999_999_999]),
        *({"exp": 9_999_999_999}, 1e308, HUGE, pytest.param(-(10**400), id="minus_huge")),
    ],
)
def test_JWA_007_an_assertion_needs_an_expiry(world: World, expiry: object) -> None:
    """RFC 7523 §3 (4): a number."""
    for name in ("elliptic", "secretive"):
        world.refuse(world.sign(name, exp=expiry))


@pytest.mark.parametrize("ago", [5 * MINUTE, 70, DAY])
def test_JWA_007_an_expired_assertion_is_refused(world: World, ago: int) -> None:
    """RFC 7523 §3 (4)."""
    world.refuse(world.sign(exp=_seconds(-ago), iat=_seconds(-ago - MINUTE)))


@pytest.mark.parametrize("ahead", [30 * DAY, DAY, HOUR, 15 * MINUTE, 9_999_999_999])
def test_JWA_008_an_expiry_far_ahead_is_refused(world: World, ahead: int) -> None:
    """The memory of spent assertions would grow without bound."""
    world.refuse(world.sign(exp=_seconds(ahead)))


def test_JWA_008_ten_minutes_ahead_are_not_far(world: World) -> None:
    """They are the most that is taken."""
    world.take(world.sign(exp=_seconds(10 * MINUTE)))


@pytest.mark.parametrize(
    "claims",
    [
        {"nbf": 10 * MINUTE},
        {"iat": HOUR},
        {"nbf": 61},
        {"iat": 61},
        {"iat": HOUR, "nbf": 0},
        {"nbf": DAY, "iat": 0},
    ],
)
def test_JWA_009_an_assertion_from_the_future_is_refused(
    world: World, claims: Mapping[str, int]
) -> None:
    """RFC 7523 §3 (5), (6)."""
    moments: Members = {name: _seconds(ahead + 5) for name, ahead in claims.items()}
    world.refuse(world.sign(**moments))


@pytest.mark.parametrize("value", ["0", "yesterday", [], {}, True, -1, HUGE])
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_JWA_009_a_time_that_is_none_is_refused(world: World, claim: str, value: object) -> None:
    """RFC 7519 §2: a NumericDate is a number."""
    changed: Members = {claim: value}
    world.refuse(world.sign(**changed))


@pytest.mark.parametrize("ahead", [5, 10])
def test_JWA_010_clocks_may_differ_a_little(world: World, ahead: int) -> None:
    """FAPI 2.0 §5.3.2.1: ten seconds are accepted; neither claim is demanded."""
    world.take(world.sign(iat=_seconds(ahead)))
    world.take(world.sign(nbf=_seconds(ahead)))
    world.take(world.sign(iat=_seconds(ahead), nbf=_seconds(ahead)))
    world.take(world.sign(iat=..., nbf=...))


@pytest.mark.parametrize("name", ["elliptic", "rivest", "secretive"])
@pytest.mark.parametrize("first", ENDPOINTS)
def test_JWA_011_an_assertion_is_taken_once(world: World, name: str, first: str) -> None:
    """RFC 7523 §3 (7): one memory for all endpoints."""
    assertion = world.sign(name)
    assert world.send(assertion, first, token="token").status_code == 200
    for second in ENDPOINTS:
        world.refuse(assertion, second, token="token")
        world.refuse(assertion, second, token="token", client_id=name)


def test_JWA_011_a_jti_is_taken_once_whatever_is_signed(world: World) -> None:
    """A new signature, other times: what counts is who says it and the `jti`."""
    world.take(world.sign(jti="once"))
    for again in (
        world.sign(jti="once"),
        world.sign(jti="once", exp=_seconds(MINUTE + 7)),
        world.sign(jti="once", header={"typ": "JWT"}),
        world.sign(jti="once", more=1),
    ):
        world.refuse(again)
    world.take(world.sign(jti="Once"))


def test_JWA_011_the_same_jti_from_another_client_is_another(world: World) -> None:
    """Clients do not agree on their identifiers."""
    for name in ("elliptic", "namesake", "rivest", "secretive"):
        world.take(world.sign(name, jti="shared"))
    for name in ("elliptic", "namesake", "rivest", "secretive"):
        world.refuse(world.sign(name, jti="shared"))


def test_JWA_011_a_refused_assertion_is_not_spent(world: World) -> None:
    """Or else somebody could burn a client's assertions before it uses them."""
    assertion = world.sign(jti="kept")
    head, payload, _ = assertion.split(".")
    world.refuse(f"{head}.{payload}.{segment(b'forged').decode()}")
    world.refuse(world.sign("rivest", iss="elliptic", sub="elliptic", jti="kept"))
    world.take(assertion)


def test_JWA_011_the_memory_outlives_the_expiry(world: World) -> None:
    """An assertion that is taken late, because clocks differ, is taken once all the same."""
    assertion = world.sign(exp=_seconds(-5), iat=_seconds(-MINUTE))
    world.take(assertion)
    world.refuse(assertion)


def test_JWA_011_all_nodes_share_one_memory(
    world: World, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """A second server on the same store knows what the first has taken."""
    settings = {"issuer": ISSUER, **UNLIMITED}
    node = prepare_grantd(world.server.store, settings)
    if "GRANTD_MASTER_KEY_FILE" in world.server.environment:
        master_key = world.server.environment["GRANTD_MASTER_KEY_FILE"]
        node.environment["GRANTD_MASTER_KEY_FILE"] = master_key
    node.start()
    there = replace(world, server=node)
    for name in ("elliptic", "secretive"):
        assertion, other = world.sign(name), world.sign(name)
        world.take(assertion)
        there.refuse(assertion)
        there.take(other)
        world.refuse(other)


@pytest.mark.parametrize("jti", [..., "", None, 1, 0, 1.5, True, [], ["one"], {}, {"jti": "one"}])
def test_JWA_012_an_assertion_needs_a_jti(world: World, jti: object) -> None:
    """OIDC Core §9: a string, and not an empty one."""
    for name in ("elliptic", "secretive"):
        world.refuse(world.sign(name, jti=jti))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, ..., 0, [], {}])
def test_JWA_013_no_algorithm_is_no_algorithm(world: World, algorithm: object) -> None:
    """RFC 8725 §3.2: in no spelling, with no signature and with one."""
    for name in ("elliptic", "secretive", "any-algorithm"):
        assertion = world.sign(name, header={"alg": algorithm})
        world.refuse(assertion)
        world.refuse(assertion.rpartition(".")[0] + ".")


def _public_texts(key: PrivateKey) -> list[bytes]:
    public = key.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    numbers = [value for name, value in key.jwk.items() if name in ("n", "x", "y")]
    return [
        *(pem, pem.rstrip(b"\n"), pem.replace(b"\n", b"\r\n"), pem.replace(b"\n", b"")),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(key.jwk).encode(),
        json.dumps(key.jwk, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps({"keys": [key.jwk]}, sort_keys=True, separators=(",", ":")).encode(),
        *(number.encode() for number in numbers),
        *(_decoded(number) for number in numbers),
        b"",
    ]


@pytest.mark.parametrize(
    ("name", "key"), [("elliptic", EC_KEY), ("rivest", RSA_KEY), ("any-algorithm", RSA_KEY)]
)
def test_JWA_014_a_public_key_is_no_shared_secret(world: World, name: str, key: PrivateKey) -> None:
    """RFC 8725 §2.1: a key's type decides the algorithm, in whatever form it is fed to HMAC."""
    for text in _public_texts(key):
        for header in ({}, {"kid": key.key_id}):
            world.refuse(sign_assertion(name, ISSUER, MacKey(text), header=header))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("one-algorithm", RSA_KEY),
        ("rivest", replace(RSA_KEY, algorithm="PS256")),
        ("rivest", replace(RSA_KEY, algorithm="RS512")),
        ("rivest", EC_KEY),
        ("any-algorithm", replace(RSA_KEY, algorithm="RS384")),
        ("elliptic", P384PosingAsES256()),
        ("elliptic", P384_KEY),
        ("elliptic", replace(P384_KEY, key_id="ec-1")),
    ],
)
def test_JWA_015_another_algorithm_than_the_registered_is_refused(
    world: World, name: str, key: Key
) -> None:
    """RFC 8725 §3.1: also one that the client's keys could have signed with."""
    world.refuse(sign_assertion(name, ISSUER, key))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "ES256", "RS256", "hs256"])
def test_JWA_015_a_secret_signs_with_one_algorithm(world: World, algorithm: str) -> None:
    """It is HS256."""
    world.refuse(world.sign("secretive", header={"alg": algorithm}))


def test_JWA_015_a_key_on_another_curve_is_no_key(world: World) -> None:
    """Not for ES256, though its client publishes it (RFC 7518 §3.4); its neighbour is one."""
    world.web.publish("/mixed", [P384_KEY.jwk, EC_KEY.jwk])
    for key in (P384PosingAsES256(), P384_KEY):
        world.refuse(sign_assertion("mixed", ISSUER, key))
    world.take(world.sign("mixed"))


def _as_der(signature: bytes) -> bytes:
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


@pytest.mark.parametrize(
    "forge",
    [
        lambda signature: signature[:-1] + bytes([signature[-1] ^ 1]),
        lambda signature: bytes([signature[0] ^ 0x80]) + signature[1:],
        lambda _: b"",
        lambda signature: signature[:-1],
        lambda signature: signature[: len(signature) // 2],
        lambda signature: signature + b"\0",
        lambda signature: b"\0" + signature,
        lambda signature: bytes(len(signature)),
        lambda signature: b"\xff" * len(signature),
        lambda signature: bytes(len(signature) - 1) + b"\1",
        _as_der,
    ],
    ids=(
        *("last_bit", "first_bit", "empty", "short", "half", "long", "shifted", "zero", "ones"),
        *("almost_zero", "der"),
    ),
)
@pytest.mark.parametrize("name", ["elliptic", "rivest", "secretive"])
def test_JWA_016_a_forged_signature_is_refused(
    world: World, name: str, forge: Callable[[bytes], bytes]
) -> None:
    """RFC 7515 §5.2; all zero has passed for ECDSA elsewhere."""
    world.refuse(sign_assertion(name, ISSUER, FixedSignature(world.keys[name], forge)))


@pytest.mark.parametrize("name", ["elliptic", "rivest", "secretive"])
def test_JWA_016_a_signature_holds_for_its_own_text(world: World, name: str) -> None:
    """Not for another payload or another header."""
    one, other = world.sign(name), world.sign(name, header={"typ": "JWT"})
    (header, payload, signature), (header_of_other, payload_of_other, _) = (
        assertion.split(".") for assertion in (one, other)
    )
    world.refuse(f"{header}.{payload_of_other}.{signature}")
    world.refuse(f"{header_of_other}.{payload}.{signature}")
    world.take(one)


def test_JWA_016_another_key_of_the_same_name_is_refused(world: World) -> None:
    """A `kid` selects a key and proves nothing."""
    assert EC_TWIN.key_id == EC_KEY.key_id
    for name in ("elliptic", "any-algorithm", "published"):
        world.refuse(sign_assertion(name, ISSUER, EC_TWIN))


def _certificate(key: PrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elliptic")])
    begin = datetime.fromtimestamp(time.time(), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.private.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .sign(key.private, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM).decode()
    return "".join(pem.splitlines()[1:-1])


@pytest.mark.parametrize("kid", ["unknown", "ec-1", ...])
@pytest.mark.parametrize("name", ["elliptic", "published"])
def test_JWA_017_a_key_from_the_assertion_is_not_taken(
    world: World, name: str, kid: object
) -> None:
    """RFC 8725 §3.10: nor fetched from where the assertion says."""
    world.take(world.sign(name))  # so that a key set that is the client's own is at hand
    twin = EC_TWIN if kid is ... else replace(EC_TWIN, key_id=str(kid))
    trap = world.web.publish("/trap", [twin.jwk])
    world.web.pages["/trap.pem"] = Page(_certificate(twin).encode())
    for header in (
        {"jwk": twin.jwk},
        {"x5c": [_certificate(twin)]},
        {"jku": trap},
        {"x5u": f"{trap}.pem"},
        {"jku": trap, "x5u": f"{trap}.pem", "jwk": twin.jwk, "x5c": [_certificate(twin)]},
    ):
        world.refuse(sign_assertion(name, ISSUER, twin, header={"kid": kid, **header}))
    assert "/trap" not in world.web.asked
    assert "/trap.pem" not in world.web.asked


@pytest.mark.parametrize(
    "kid",
    [
        *("unknown", "", "EC-1", "ec-1 ", "ec-1\0", "\0", "../../../../dev/null", "/dev/null"),
        *(
            "ec-1' OR '1'='1",
            "ec-1; SELECT 1",
            "ec-1|id",
            "file:///dev/null",
            pytest.param("k" * 5_000, id="long"),
        ),
        *(1, 0, None, True, {}, {"kid": "ec-1"}, [], ["ec-1"], 1.5, "\u0435c-1", "\ud800"),
    ],
)
def test_JWA_018_another_kid_finds_no_key(world: World, kid: object) -> None:
    """RFC 7515 §4.1.4: a name that a key has, or nothing."""
    for name in ("elliptic", "any-algorithm", "published"):
        world.refuse(world.sign(name, header={"kid": kid}))
    empty = MacKey(b"")
    for name in ("elliptic", "secretive"):
        world.refuse(sign_assertion(name, ISSUER, empty, header={"kid": kid}))


def test_JWA_018_without_a_kid_the_key_has_to_be_clear(world: World) -> None:
    """One registered key is; of several, the one that can have signed."""
    for name in ("elliptic", "rivest", "published"):
        world.take(world.sign(name, header={"kid": ...}))
    for key in (EC_KEY, RSA_KEY):
        world.take(sign_assertion("any-algorithm", ISSUER, key, header={"kid": ...}))


@pytest.mark.parametrize(
    "header",
    [
        *({"crit": names, "exp": 1} for names in (["exp"], ["unheard-of"], "exp", None)),
        *({"crit": []}, {"crit": {}}, {"crit": ["exp"]}),
        *({"crit": ["b64"], "b64": value} for value in (False, True)),
        *({"b64": value} for value in (False, "false", 0)),
        {"crit": ["alg"]},
        {"crit": ["exp", "exp"], "exp": 1},
    ],
)
def test_JWA_019_an_extension_that_must_be_understood_is_not(
    world: World, header: Mapping[str, object]
) -> None:
    """RFC 7515 §4.1.11, RFC 7797: we know none."""
    for name in ("elliptic", "secretive"):
        world.refuse(world.sign(name, header=header))


def _misshapen(world: World) -> Iterator[str]:
    key, claims = world.keys["elliptic"], claims_of("elliptic", ISSUER)
    good = world.sign()
    header, payload, signature = good.split(".")
    yield from ("", ".", "..", "...", "a.b.c", "token", header, f"{header}.{payload}", f".{good}")
    yield from (f"{good}.", f"{good}.{signature}", f"{good}.{header}.{payload}", f"{good}=")
    yield json.dumps({"protected": header, "payload": payload, "signature": signature})
    yield json.dumps(
        {"payload": payload, "signatures": [{"protected": header, "signature": signature}]}
    )
    yield ".".join((segment(b'{"alg":"dir","enc":"A256GCM"}').decode(), "", payload, payload, "AA"))
    for odd in (b"null", b"[]", b"[{}]", b"1", b'"text"', b"true", b"", b"{", b"{}x", b"\xff{}"):
        yield sign_compact(odd, key)
        yield sign_compact(claims, key, header=odd)
    yield sign_compact(json.dumps(claims).encode("utf-16"), key)
    yield sign_compact(b"\xef\xbb\xbf" + json.dumps(claims).encode(), key)
    yield sign_compact(json.dumps({**claims, "x": 0}).replace("0}", "NaN}").encode(), key)
    for place in (5, len(header) + 5, len(good) - 5):
        for noise in (" ", "\u00e9", "=", "!", "+", "/", "%"):
            yield good[:place] + noise + good[place:]
    yield from (f" {good}", f"{good} ", f"{header}=.{payload}.{signature}", f"{good}==")
    yield from (f"{header}.{payload}==.{signature}", _standard_alphabet(world))
    for depth in (500, 5_000, 20_000):
        yield sign_compact(b'{"x":' + b"[" * depth + b"]" * depth + b"}", key)
        yield sign_compact(claims, key, header=b'{"x":' + b"[" * depth + b"]" * depth + b"}")


def _standard_alphabet(world: World) -> str:
    """Return a good assertion written with `+` and `/`, where it has `-` or `_`."""
    while not {"-", "_"} & set(good := world.sign()):
        pass
    return good.replace("-", "+").replace("_", "/")


def test_JWA_020_what_is_no_compact_jws_is_refused(world: World) -> None:
    """RFC 7515 §3, §7.1: strictly, and however deep it is nested; an empty one is half of two."""
    for assertion in _misshapen(world):
        if assertion:
            world.refuse(assertion)
        else:
            refused(world.send(assertion), 400, "invalid_request")
    world.take(world.sign())


def test_JWA_020_control_characters_make_no_parameter(world: World) -> None:
    """The form is refused before anybody looks for an assertion in it."""
    good = world.sign()
    for noise in ("\0", "\n", "\t"):
        refused(world.send(good[:9] + noise + good[9:]), 400, "invalid_request")


def test_JWA_020_size_is_bounded(world: World) -> None:
    """Beyond what a body may hold, and below."""
    refused(world.send("a" * 120_000), 413, "invalid_request")
    refused(world.send(world.sign(more="m" * 90_000)), 413, "invalid_request")
    for size in (15_000, 30_000, 45_000):
        world.refuse("a" * size)
    world.refuse(world.sign(more="m" * 40_000))
    world.take(world.sign())


@pytest.mark.parametrize(
    "assertion_type",
    [
        *("urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt-bearer", "JWT", "x"),
        *(JWT_BEARER.upper(), f"{JWT_BEARER} ", JWT_BEARER[:-1], f"{JWT_BEARER}s"),
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ],
)
def test_JWA_021_another_type_is_refused(world: World, assertion_type: str) -> None:
    """RFC 7521 §4.2: whatever the assertion is, which is not spent."""
    assertion = world.sign()
    world.refuse(assertion, client_assertion_type=assertion_type)
    world.take(assertion)


@pytest.mark.parametrize("named", [{}, {"client_id": "elliptic"}])
def test_JWA_021_half_of_two_parameters_is_refused(world: World, named: dict[str, str]) -> None:
    """A type without an assertion, an assertion without a type."""
    assertion = world.sign()
    for half in (
        {"client_assertion": assertion},
        {"client_assertion": assertion, "client_assertion_type": ""},
        {"client_assertion_type": JWT_BEARER},
        {"client_assertion_type": JWT_BEARER, "client_assertion": ""},
    ):
        refused(read_reply(world.post({**GRANT, **named, **half})), 400, "invalid_request")
    world.take(assertion)


@pytest.mark.parametrize("claim", ["sub", "aud", "exp", "iss", "jti", "iat"])
@pytest.mark.parametrize("name", ["elliptic", "secretive"])
def test_JWA_022_a_claim_that_comes_twice_is_refused(world: World, name: str, claim: str) -> None:
    """RFC 7519 §4: whichever of both is good, and also if both are."""
    claims = claims_of(name, ISSUER)
    bad = json.dumps({claim: "https://evil.example" if isinstance(claims[claim], str) else 1})[1:-1]
    good = json.dumps({claim: claims[claim]})[1:-1]
    others = json.dumps({key: value for key, value in claims.items() if key != claim})[1:-1]
    for members in ((good, others, bad), (bad, others, good), (good, good, others)):
        payload = f"{{{','.join(members)}}}".encode()
        world.refuse(sign_compact(payload, world.keys[name]))
    world.take(sign_compact(f"{{{good},{others}}}".encode(), world.keys[name]))


def test_JWA_022_a_header_member_that_comes_twice_is_refused(world: World) -> None:
    """RFC 7515 §4: there as well."""
    claims = claims_of("elliptic", ISSUER)
    for header in (
        b'{"alg":"ES256","alg":"ES256","kid":"ec-1"}',
        b'{"alg":"ES256","alg":"none","kid":"ec-1"}',
        b'{"alg":"ES256","kid":"ec-1","kid":"ec-2"}',
        b'{"alg":"ES256","typ":"JWT","typ":"at+jwt"}',
    ):
        world.refuse(sign_compact(claims, EC_KEY, header=header))


@pytest.mark.parametrize(
    "typ",
    ["client-authentication+jwt", "application/client-authentication+jwt", "JWT", "jwt", ...],
)
@pytest.mark.parametrize("name", ["elliptic", "secretive"])
def test_JWA_023_the_explicit_type_and_the_old_ones_are_taken(
    world: World, name: str, typ: object
) -> None:
    """RFC 10070 §4: its absence should not be refused."""
    world.take(world.sign(name, header={"typ": typ}))


@pytest.mark.parametrize(
    "typ",
    [
        *("at+jwt", "application/at+jwt", "AT+JWT", "dpop+jwt", "token-introspection+jwt"),
        *("secevent+jwt", "logout+jwt", "JOSE", "JWE", "", "jwt ", None, 1, ["JWT"], {}, True),
    ],
)
def test_JWA_024_a_jwt_of_another_type_is_refused(world: World, typ: object) -> None:
    """RFC 8725 §3.11: one kind of JWT is not taken for another."""
    for name in ("elliptic", "secretive"):
        world.refuse(world.sign(name, header={"typ": typ}))


def test_JWA_025_an_access_token_of_ours_is_no_assertion(world: World) -> None:
    """RFC 8725 §2.8: though it names the client, this issuer and an expiry, and is well signed."""
    for name in ("elliptic", "rivest", "secretive", "published"):
        token = world.take(world.sign(name))
        for path in ENDPOINTS:
            world.refuse(token, path, token=token)
            world.refuse(token, path, token=token, client_id=name)


@pytest.mark.parametrize("name", ["basic", "post", "public"])
def test_JWA_025_a_client_of_another_method_is_refused(world: World, name: str) -> None:
    """With any key, its own secret included."""
    keys: list[Key] = [EC_KEY, RSA_KEY, MacKey(b""), MacKey(world.clients[name].secret.encode())]
    for key in keys:
        world.refuse(sign_assertion(name, ISSUER, key))
        world.refuse(sign_assertion(name, ISSUER, key), client_id=name)


def test_JWA_025_a_client_of_one_method_is_refused_by_the_other(world: World) -> None:
    """Keys do not stand for a secret, nor a secret for keys."""
    world.refuse(sign_assertion("secretive", ISSUER, EC_KEY))
    world.refuse(sign_assertion("elliptic", ISSUER, world.keys["secretive"]))


@pytest.mark.parametrize("name", ["elliptic", "rivest", "secretive"])
def test_JWA_026_an_assertion_for_the_issuer_is_good_at_every_endpoint(
    world: World, name: str
) -> None:
    """RFC 10070: with one and the same audience."""
    token = world.take(world.sign(name))
    assert introspected(world.send(world.sign(name), INTROSPECT, token=token))["active"] is True
    assert world.send(world.sign(name), REVOKE, token=token).status_code == 200
    assert introspected(world.send(world.sign(name), INTROSPECT, token=token)) == {"active": False}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_JWA_027_the_reasons_cannot_be_told_apart(world: World, path: str) -> None:
    """One reply, to the byte, and never `invalid_grant`; the same as for a wrong secret."""
    spent = world.sign()
    world.take(spent)
    bad = {
        "spent": spent,
        "unknown client": sign_assertion("nobody", ISSUER, EC_KEY),
        "wrong key": sign_assertion("elliptic", ISSUER, EC_TWIN),
        "wrong secret": sign_assertion("secretive", ISSUER, MacKey(b"w" * 32)),
        "audience": world.sign(audience=TOKEN_ENDPOINT),
        "expired": world.sign(exp=_seconds(-HOUR)),
        "far ahead": world.sign(exp=_seconds(DAY)),
        "no jti": world.sign(jti=...),
        "algorithm": sign_assertion("one-algorithm", ISSUER, RSA_KEY),
        "method": sign_assertion("basic", ISSUER, world.keys["basic"]),
        "no jwt": "token",
    }
    grant = {"grant_type": "refresh_token", "refresh_token": "unknown", "token": "token"}
    received = {
        unvarying(world.post({**grant, **assertion_form(assertion)}, path))
        for assertion in bad.values()
    }
    wrong = RegisteredClient("basic", "wrong")
    by_secret = post_form(world.server, b"token=token", client=wrong, target=path)
    assert received == {world.refusal}
    assert looks(by_secret) == looks(read_reply(world.refusal))


def test_JWA_001_a_published_key_set_is_kept_as_long_as_its_reply_says(world: World) -> None:
    """One fetch serves until then, however many assertions come."""
    world.web.publish("/cached", [EC_KEY.jwk])
    for _ in range(4):
        world.take(world.sign("cached"))
    assert world.web.asked["/cached"] == 1


@on_one_store
def test_JWA_018_an_unknown_kid_fetches_the_key_set_anew_once(world: World) -> None:
    """A client may rotate its keys; who makes kids up does not make us ask again and again."""
    successor = PrivateKey(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec-2")
    world.web.publish("/rotated", [EC_KEY.jwk, successor.jwk])
    world.wait_for_the_next_fetch()
    world.take(sign_assertion("rotated", ISSUER, successor))
    assert world.web.asked["/rotated"] == 2
    for made_up in range(5):
        world.refuse(world.sign("rotated", header={"kid": f"made-up-{made_up}"}))
    world.take(sign_assertion("rotated", ISSUER, successor))
    assert world.web.asked["/rotated"] == 2


@on_one_store
def test_JWA_016_a_key_that_was_withdrawn_signs_no_more(world: World) -> None:
    """Once the copy of its set is past its time, which `no-store` makes as short as can be."""
    successor = PrivateKey(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec-1")
    world.web.publish("/withdrawn", [successor.jwk], cache="no-store")
    world.wait_for_the_next_fetch()
    world.refuse(world.sign("withdrawn"))
    world.take(sign_assertion("withdrawn", ISSUER, successor))
    assert world.web.asked["/withdrawn"] == 2


def test_JWA_017_a_redirect_to_a_key_set_is_not_followed(world: World) -> None:
    """Whoever controls it would control the client; the answer is that nobody can tell."""
    elsewhere = world.web.publish("/elsewhere", [EC_KEY.jwk])
    for status in (301, 302, 303, 307, 308):
        world.web.pages["/moved"] = Page(b"", status, {"Location": elsewhere})
        _require_unavailable(world.send(world.sign("moved")))
    assert world.web.asked["/moved"] > 0
    assert world.web.asked["/elsewhere"] == 0


def test_JWA_001_without_the_published_keys_nobody_is_let_in(world: World) -> None:
    """They cannot be fetched, so nothing is decided; others are served."""
    _require_unavailable(world.send(world.sign("gone")))
    world.take(world.sign("published"))


def _require_unavailable(reply: httpx.Response) -> None:
    refused(reply, 503, "temporarily_unavailable")
    assert int(reply.headers["Retry-After"]) > 0


def _seconds(ahead: int) -> int:
    return int(time.time()) + ahead


def _decoded(number: str) -> bytes:
    return urlsafe_b64decode(number + "=" * (-len(number) % 4))
