"""The rows CLA of the conformance matrix: who is calling, and how that is proved."""

import statistics
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, quote_plus, urlencode

import httpx
import pytest

from support.client_assertions import MacKey, assertion_form, sign_assertion
from support.grantd_process import GrantdProcess, RegisteredClient
from support.http_connection import HttpConnection, form_request
from support.oauth_replies import granted, introspected, refused
from support.polling import wait_until
from support.raw_http import FORM, compose, read_reply
from support.registration import Metadata, register
from support.reply_bytes import unvarying

UNLIMITED = dict.fromkeys(
    ("failures_per_client_and_source", "failures_per_client", "failures_per_source"), "off"
)
TOKEN, INTROSPECT, REVOKE = "/access_token", "/introspect", "/revoke"
ENDPOINTS = (TOKEN, INTROSPECT, REVOKE)
BY_CREDENTIALS = {"grant_type": "client_credentials"}
AWKWARD = "a%b+c:d/e?f&g=h#i j"
FULL_WIDTH = "\uff47\uff4f\uff4f\uff44"  # good
LONG_SECRET = "Lq7" * 40
METHODS = ("client_secret_basic", "client_secret_post", "client_secret_jwt", "none")


@dataclass(frozen=True, slots=True)
class World:
    """A server that forgives any number of failures, and its clients.

    Attributes:
        clients: By what they are there for.

        refusal: What a client with a wrong secret is told.
    """

    server: GrantdProcess
    clients: Mapping[str, RegisteredClient] = field(repr=False)
    refusal: bytes = b""

    @property
    def good(self) -> RegisteredClient:
        return self.clients["good"]

    def post(
        self,
        *authorization: bytes,
        path: str = TOKEN,
        form: Mapping[str, str] = BY_CREDENTIALS,
    ) -> bytes:
        """POST a form under the given `Authorization` values, and return all that comes back."""
        body = urlencode(form).encode()
        head = compose("POST", path, {"Content-Type": FORM, "Content-Length": str(len(body))})
        given = b"".join(b"Authorization: %b\r\n" % value for value in authorization)
        return self.server.send_raw(head.removesuffix(b"\r\n") + given + b"\r\n" + body)

    def ask(
        self, *authorization: bytes, path: str = TOKEN, form: Mapping[str, str] = BY_CREDENTIALS
    ) -> httpx.Response:
        return read_reply(self.post(*authorization, path=path, form=form))

    def fail(
        self, *authorization: bytes, path: str = TOKEN, form: Mapping[str, str] = BY_CREDENTIALS
    ) -> None:
        """Demand the one answer to every failed authentication, to the byte."""
        received = self.post(*authorization, path=path, form=form)
        refused(read_reply(received), 401, "invalid_client")
        assert unvarying(received) == self.refusal

    def end_secret(self, name: str, *flags: str) -> None:
        """End the one secret of a client."""
        [secret] = self.server.require("clients", "secrets", "list", name)
        self.server.require(
            "clients", "secrets", "expire", name, secret["secret_id"], "--even-the-last", *flags
        )


def basic(client_id: str, secret: str, encode: Callable[[str], str] = quote_plus) -> bytes:
    """Write HTTP Basic credentials, both halves encoded (RFC 6749 §2.3.1)."""
    return of(f"{encode(client_id)}:{encode(secret)}".encode())


def of(userpass: bytes) -> bytes:
    return b"Basic " + b64encode(userpass)


def right(client: RegisteredClient) -> bytes:
    return basic(client.client_id, client.secret)


def in_body(client_id: str, secret: str) -> dict[str, str]:
    return {**BY_CREDENTIALS, "client_id": client_id, "client_secret": secret}


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store, {**UNLIMITED})
    secrets = {"auth_methods": ["client_secret_basic", "client_secret_post"]}
    plain = dict.fromkeys(("good", "disabled", "leaver", "lapsing", "case", "bystander"), secrets)
    metadata: dict[str, Metadata] = {
        **plain,
        **{
            method: {
                "token_endpoint_auth_method": method,
                "grant_types": ["client_credentials", "refresh_token"],
            }
            for method in METHODS
        },
        "awkward": {**secrets, "client_id": AWKWARD, "client_secret": AWKWARD[::-1]},
        "long": {**secrets, "client_secret": LONG_SECRET},
        "several": {"auth_methods": [*METHODS[:3]]},
        "expired": secrets,
        "rotating": secrets,
    }
    world = World(server, register(server, metadata))
    server.require("clients", "disable", "disabled")
    world.end_secret("expired")
    return replace(world, refusal=unvarying(world.post(basic("good", "wrong"))))


@pytest.mark.parametrize("scheme", [b"Basic", b"basic", b"BASIC", b"bAsIc"])
def test_CLA_001_basic_proves_a_client_in_any_case_of_the_scheme(
    world: World, scheme: bytes
) -> None:
    """RFC 9110 §11.1: schemes are compared without regard to case."""
    granted(world.ask(right(world.good).replace(b"Basic", scheme)))


def test_CLA_001_more_than_one_space_may_follow_the_scheme(world: World) -> None:
    """RFC 9110 §11.4 has 1*SP there."""
    granted(world.ask(right(world.good).replace(b"Basic ", b"Basic   ")))


@pytest.mark.parametrize("encode", [quote_plus, lambda text: quote(text, safe="")])
def test_CLA_002_both_halves_are_form_decoded(world: World, encode: Callable[[str], str]) -> None:
    """RFC 6749 App. B: a space is `+` or `%20`; the halves are split before they are decoded."""
    awkward = world.clients["awkward"]
    assert set("%+:/?&=# ") < set(awkward.client_id)
    assert set("%+:/?&=# ") < set(awkward.secret)
    granted(world.ask(basic(awkward.client_id, awkward.secret, encode)))


def test_CLA_002_halves_that_are_not_encoded_are_refused(world: World) -> None:
    """Neither both nor one of them; a lenient reading would open a second door."""
    awkward = world.clients["awkward"]
    encoded = (quote_plus(awkward.client_id), quote_plus(awkward.secret))
    for client_id, secret in (
        (awkward.client_id, awkward.secret),
        (encoded[0], awkward.secret),
        (awkward.client_id, encoded[1]),
    ):
        world.fail(basic(client_id, secret, str))


def test_CLA_003_a_wrong_secret_and_an_unknown_client_are_challenged(world: World) -> None:
    """RFC 6749 §5.2: 401 with the scheme that was used."""
    for credentials in (basic("good", "wrong"), basic("nobody", world.good.secret)):
        reply = world.ask(credentials)
        refused(reply, 401, "invalid_client")
        assert reply.headers["WWW-Authenticate"] == 'Basic realm="grantd"'
        world.fail(credentials)


def failures(world: World) -> Mapping[str, tuple[str, str]]:
    """Return a name and a secret for each reason to fail."""
    disabled, expired = world.clients["disabled"], world.clients["expired"]
    return {
        "unknown client": ("nobody", world.good.secret),
        "wrong secret": (world.good.client_id, disabled.secret),
        "disabled client": (disabled.client_id, disabled.secret),
        "expired secret": (expired.client_id, expired.secret),
    }


@pytest.mark.parametrize("path", ENDPOINTS)
def test_CLA_004_all_failures_are_equal_to_the_byte(world: World, path: str) -> None:
    """By either method and at every endpoint, but for the date and the request's id."""
    form = {**BY_CREDENTIALS, "token": "token"}
    received = {
        unvarying(reply)
        for client_id, secret in failures(world).values()
        for reply in (
            world.post(basic(client_id, secret), path=path, form=form),
            world.post(path=path, form={**form, **in_body(client_id, secret)}),
        )
    }
    assert received == {world.refusal}


def test_CLA_004_all_failures_take_about_the_same_time(world: World) -> None:
    """Medians of interleaved requests; a busy machine gets three tries."""
    requests = {
        reason: form_request(TOKEN, BY_CREDENTIALS, auth=pair)
        for reason, pair in failures(world).items()
    }
    assert any(_spread_of_medians(world.server.http_port, requests) <= 2.5 for _ in range(3))


def _spread_of_medians(port: int, requests: Mapping[str, bytes]) -> float:
    """Return the slowest reason's median over the fastest one's."""
    took: dict[str, list[float]] = {reason: [] for reason in requests}
    with HttpConnection(port) as connection:
        for _ in range(60):
            for reason, request in requests.items():
                begun = time.perf_counter()
                reply = connection.exchange(request)
                took[reason].append(time.perf_counter() - begun)
                assert reply is not None
                assert reply.status == 401
    medians = [statistics.median(samples) for samples in took.values()]
    return max(medians) / min(medians)


@pytest.mark.parametrize(
    "authorization",
    [
        *(b"Basic", b"Basic ", b"Basic:", b"", b" ", b"Basic ?"),
        *(b"Basic \xff\xfe", b"Basic \xc3\xa9"),
        *(of(b"good"), of(b":"), of(b":secret"), of(b"good:"), of(b"::")),
        *(of(b"\xff:secret"), of(b"good:\xff"), of(b"\xed\xa0\x80:secret")),
        *(of(b"good:%zz"), of(b"%zz:secret"), of(b"good:50%"), of(b"%:%")),
        *(of(b"good:%ff"), of(b"%c0%af:secret"), of(b"good:%00")),
        of(b"good:wrong").rstrip(b"="),
        of(b"good:wrong").replace(b" ", b"    "),
        of(b"good:wrong").replace(b"Z", b" Z"),
        of(b"good:wrong").replace(b" ", b"\t"),
        of(b"good:wrong") + b" trailing",
    ],
)
def test_CLA_005_malformed_credentials_are_refused(world: World, authorization: bytes) -> None:
    """As any failed authentication, and the next request is answered."""
    world.fail(authorization)
    granted(world.ask(right(world.good)))


@pytest.mark.parametrize("noise", [b" ", b"\t", b"=", b"!", b"\xff", b", ", b"Basic "])
def test_CLA_005_the_right_credentials_with_noise_are_refused(world: World, noise: bytes) -> None:
    """Base64 is read strictly: nothing in it is passed over."""
    scheme, _, encoded = right(world.good).partition(b" ")
    world.fail(scheme + b" " + encoded[:8] + noise + encoded[8:])


def test_CLA_005_credentials_of_20_kilobytes_are_refused(world: World) -> None:
    """As a failed authentication, or because of the size of the header block (RFC 6585 §5)."""
    reply = world.ask(basic("good", "s" * 20_000))
    assert reply.status_code in (401, 431)
    assert reply.json()["error"] in ("invalid_client", "invalid_request")
    assert "access_token" not in reply.text
    granted(world.ask(right(world.good)))


@pytest.mark.parametrize(
    "scheme", [b"Bearer", b"Digest", b"Negotiate", b"DPoP", b"NTLM", b"Basicx", b"Unheard-Of"]
)
def test_CLA_006_another_scheme_is_refused(world: World, scheme: bytes) -> None:
    """Also with credentials that Basic would take."""
    for credentials in (scheme, scheme + b" token", right(world.good).replace(b"Basic", scheme)):
        world.fail(credentials)
        reply = world.ask(credentials, form=in_body("good", world.good.secret))
        refused(reply, 400, "invalid_request")


@pytest.mark.parametrize("scheme", [b"Bearer", b"Digest", b"Negotiate", b"DPoP", b"Unheard-Of"])
def test_CLA_006_a_public_client_with_another_scheme_is_not_taken_for_one_without(
    world: World, scheme: bytes
) -> None:
    """Its bare name would do, were there no header at all."""
    form = {"grant_type": "refresh_token", "refresh_token": "unknown", "client_id": "none"}
    refused(world.ask(form=form), 400, "invalid_grant")
    for credentials in (scheme, scheme + b" token"):
        world.fail(credentials, form=form)
        world.fail(credentials, path=REVOKE, form={"token": "unknown", "client_id": "none"})


def test_CLA_007_two_authorization_headers_are_refused(world: World) -> None:
    """Whatever they say, equal ones and empty ones included."""
    good, wrong = right(world.good), basic("good", "wrong")
    for pair in (
        *((good, good), (good, wrong), (wrong, good), (wrong, wrong)),
        *((good, b"Bearer token"), (b"Bearer token", good), (good, b""), (b"", good)),
        (good, right(world.clients["bystander"])),
    ):
        refused(world.ask(*pair), 400, "invalid_request")
        refused(world.ask(*pair, path=REVOKE, form={"token": "t"}), 400, "invalid_request")


def test_CLA_008_two_methods_in_one_request_are_refused(world: World) -> None:
    """RFC 6749 §2.3: though each of them alone would do, as it does afterwards."""
    several = world.clients["several"]
    header, secret = right(several), {"client_secret": several.secret}
    named = {"client_id": several.client_id}
    mac = MacKey(several.secret.encode())
    asserted = assertion_form(sign_assertion(several.client_id, world.server.issuer, mac))
    for authorization, form in (
        ([header], secret),
        ([header], {**named, **secret}),
        ([header], asserted),
        ([], {**named, **secret, **asserted}),
        ([], {**secret, **asserted}),
        ([header], {**secret, **asserted}),
    ):
        for path in ENDPOINTS:
            sent = {**BY_CREDENTIALS, "token": "token", **form}
            refused(world.ask(*authorization, path=path, form=sent), 400, "invalid_request")
    granted(world.ask(header))
    granted(world.ask(form={**BY_CREDENTIALS, **named, **secret}))
    granted(world.ask(form={**BY_CREDENTIALS, **asserted}))


def test_CLA_009_the_client_id_may_stand_beside_basic(world: World) -> None:
    """If it says the same."""
    granted(world.ask(right(world.good), form={**BY_CREDENTIALS, "client_id": "good"}))


@pytest.mark.parametrize("other", ["bystander", "nobody", "Good", "good ", "none"])
def test_CLA_009_another_client_id_beside_basic_is_refused(world: World, other: str) -> None:
    """Whether that is a client or not."""
    form = {**BY_CREDENTIALS, "client_id": other}
    refused(world.ask(right(world.good), form=form), 400, "invalid_request")


def test_CLA_010_the_secret_may_stand_in_the_body(world: World) -> None:
    """RFC 6749 §2.3.1; a wrong one is challenged like any other."""
    granted(world.ask(form=in_body("good", world.good.secret)))
    awkward = world.clients["awkward"]
    granted(world.ask(form=in_body(awkward.client_id, awkward.secret)))
    world.fail(form=in_body("good", "wrong"))
    world.fail(form=in_body("nobody", world.good.secret))


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    "named", [{}, {"client_id": "good"}, {"client_id": "nobody"}, {"client_id": ""}]
)
def test_CLA_011_no_authentication_at_all_is_refused(
    world: World, path: str, named: dict[str, str]
) -> None:
    """A confidential client's bare name is as good as none."""
    world.fail(path=path, form={**BY_CREDENTIALS, "token": "token", **named})


@pytest.mark.parametrize("registered", METHODS[:3])
def test_CLA_012_the_right_secret_by_another_method_is_refused(
    world: World, registered: str
) -> None:
    """A client may use what it is registered for, and nothing that looks alike."""
    client = world.clients[registered]
    mac = MacKey(client.secret.encode())
    asserted = assertion_form(sign_assertion(client.client_id, world.server.issuer, mac))
    ways: dict[str, tuple[Sequence[bytes], dict[str, str]]] = {
        "client_secret_basic": ([right(client)], {}),
        "client_secret_post": ([], client.body),
        "client_secret_jwt": ([], asserted),
    }
    for method, (authorization, form) in ways.items():
        sent = {**BY_CREDENTIALS, **form}
        if method == registered:
            granted(world.ask(*authorization, form=sent))
        else:
            world.fail(*authorization, form=sent)


def test_CLA_013_a_public_client_gets_no_client_credentials(world: World) -> None:
    """RFC 6749 §4.4: they are for confidential clients only."""
    world.fail(form={**BY_CREDENTIALS, "client_id": "none"})


@pytest.mark.parametrize("secret", ["secret", "none", " "])
def test_CLA_013_a_public_client_with_a_secret_is_refused(world: World, secret: str) -> None:
    """It has none, so whoever sends one is somebody else."""
    grant = {"grant_type": "refresh_token", "refresh_token": "unknown"}
    for form in (BY_CREDENTIALS, grant):
        world.fail(basic("none", secret), form=form)
        world.fail(form={**form, "client_id": "none", "client_secret": secret})
    world.fail(basic("none", ""), form=grant)


def test_CLA_014_a_disabled_client_is_refused_from_the_next_request_on(world: World) -> None:
    """With its right secret, by every method and at every endpoint."""
    leaver = world.clients["leaver"]
    granted(world.ask(right(leaver)))
    world.server.require("clients", "disable", "leaver")
    _fails_everywhere(world, leaver)
    world.server.require("clients", "enable", "leaver")
    granted(world.ask(right(leaver)))


def test_CLA_014_a_secret_past_its_time_is_refused(world: World) -> None:
    """RFC 7591 §3.2.1: the right secret, ended long before and just now."""
    _fails_everywhere(world, world.clients["expired"])
    lapsing = world.clients["lapsing"]
    granted(world.ask(right(lapsing)))
    world.end_secret("lapsing")
    _fails_everywhere(world, lapsing)


def _fails_everywhere(world: World, client: RegisteredClient) -> None:
    for path in ENDPOINTS:
        form = {**BY_CREDENTIALS, "token": "token"}
        world.fail(right(client), path=path, form=form)
        world.fail(path=path, form={**form, **client.body})


def test_CLA_015_secrets_overlap_while_they_are_rotated(world: World) -> None:
    """The new one and the previous one are right; the retired and the removed one are not."""

    def rotate(overlap: str) -> str:
        rotated = world.server.require("clients", "rotate-secret", "rotating", "--overlap", overlap)
        secret: str = rotated["client_secret"]
        return secret

    removed = world.clients["rotating"].secret
    retired = rotate("0s")
    [oldest] = [
        one["secret_id"]
        for one in world.server.require("clients", "secrets", "list", "rotating")
        if one["state"] == "expired"
    ]
    world.server.require("clients", "secrets", "delete", "rotating", oldest)
    previous = rotate("0s")
    new = rotate("1h")
    for secret in (new, previous):
        granted(world.ask(basic("rotating", secret)))
        granted(world.ask(form=in_body("rotating", secret)))
    for secret in (retired, removed):
        world.fail(basic("rotating", secret))
        world.fail(form=in_body("rotating", secret))


def test_CLA_016_an_empty_secret_is_never_right(world: World) -> None:
    """For clients with a secret, with one that is kept elsewhere, and without any."""
    for name in (*METHODS, "good", "several", "long", "awkward", "nobody"):
        client_id = world.clients[name].client_id if name in world.clients else name
        world.fail(basic(client_id, ""))
        world.fail(form=in_body(client_id, ""))


@pytest.mark.parametrize(
    "bend",
    [
        *(str.swapcase, str.upper, str.lower, lambda text: text[:-1], lambda text: text[1:]),
        *(lambda text: text + " ", lambda text: " " + text, lambda text: text + "\0"),
        *(lambda text: text + "\n", lambda text: text + "\r\n", lambda text: text + "\0more"),
        *(lambda text: text * 2, lambda text: text + "=", lambda text: text[:12], lambda _: "gds_"),
        *(lambda text: text[:-1] + chr(ord(text[-1]) ^ 1), lambda text: text.replace("_", "-")),
        lambda text: "".join(chr(ord(one) + 0xFEE0) for one in text),
    ],
)
def test_CLA_017_what_almost_is_the_secret_is_refused(
    world: World, bend: Callable[[str], str]
) -> None:
    """Secrets are compared whole, and as they are."""
    almost = bend(world.clients["case"].secret)
    assert almost != world.clients["case"].secret
    world.fail(basic("case", almost))
    world.fail(form=in_body("case", almost))


def test_CLA_017_every_character_of_a_long_secret_counts(world: World) -> None:
    """Also while its hash is slow, which it is until its first use: bcrypt would stop at 72."""
    assert len(LONG_SECRET) == 120
    for _ in ("its hash is slow", "its hash is fast"):
        for almost in (LONG_SECRET[:72], LONG_SECRET[:72] + "x" * 48, LONG_SECRET[:119]):
            world.fail(basic("long", almost))
        granted(world.ask(basic("long", LONG_SECRET)))


@pytest.mark.parametrize(
    "client_id",
    [
        *("' OR '1'='1", "good' --", 'good" OR ""="', "good; DROP TABLE clients", "%", "_ood"),
        *("good\0", "\0", "good\n", "good\r\nX: y", "good ", " good", "good\t"),
        *("../good", "./good", "/good", "good/", "good/../good", "grantd:{0}:client:good"),
        *('{"$ne": null}', '{"$gt": ""}', "[$ne]", "*", "goo*", "goo?", "g[o]od"),
        *("(good)", "${good}", FULL_WIDTH, "go\u0261d", "goo\u0501", "go\u200bod", "good\u0301"),
        *("Good", "GOOD", "gooD", "\ud7ff", "\U0001f600", "good|1", "good,bystander"),
        *("None", "null", "undefined", "0", pytest.param("good" * 2_250, id="long")),
    ],
)
def test_CLA_018_a_strange_client_id_is_an_unknown_one(world: World, client_id: str) -> None:
    """With the secret of a client it resembles, and one answer to all of them."""
    world.fail(basic(client_id, world.good.secret))
    world.fail(form=in_body(client_id, world.good.secret))


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
def test_CLA_019_who_is_calling_comes_before_the_token(world: World, path: str) -> None:
    """RFC 7009 §2.1, RFC 7662 §2.1: nothing is said about a token, and nothing is done to it."""
    token = granted(world.ask(right(world.good)))["access_token"]
    for form in ({"token": token}, {"token": "unknown"}, {"token": ""}, {}):
        world.fail(basic("good", "wrong"), path=path, form=form)
        world.fail(path=path, form={**form, "client_id": "good", "client_secret": "wrong"})
    assert introspected(world.server.introspect(world.good, token))["active"] is True


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "refresh_token", "refresh_token": "unknown"},
        {"grant_type": "refresh_token"},
        {"grant_type": "password", "username": "u", "password": "p"},
        {"grant_type": "client_credentials", "scope": "unheard.of"},
        {"grant_type": "client_credentials", "resource": "not a URI"},
        {},
    ],
)
def test_CLA_019_who_is_calling_comes_before_the_grant(world: World, form: dict[str, str]) -> None:
    """Of two things that are wrong the client hears of the first."""
    world.fail(basic("good", "wrong"), form=form)
    assert world.ask(right(world.good), form=form).status_code == 400


def test_CLA_020_a_secret_that_was_refused_is_seen_nowhere(world: World) -> None:
    """Neither in the reply nor in the log, which tells of the failure; and nobody may store it."""
    marker = "Wrong-Secret-tJ4xQ9"
    header = basic("good", marker)
    attempts: Sequence[tuple[Sequence[bytes], Mapping[str, str]]] = (
        ([header], BY_CREDENTIALS),
        ([], in_body("good", marker)),
        ([], in_body("marked", marker)),
        ([b"Bearer " + marker.encode()], BY_CREDENTIALS),
        ([of(f"good:{marker}%zz".encode())], BY_CREDENTIALS),
        ([header], in_body("good", marker)),
        ([], {**BY_CREDENTIALS, **assertion_form(marker)}),
    )
    shown = [marker.encode(), b64encode(marker.encode()).rstrip(b"="), header[len("Basic ") :]]
    for authorization, form in attempts:
        for path in ENDPOINTS:
            received = world.post(*authorization, path=path, form={**form, "token": "token"})
            reply = read_reply(received)
            assert reply.status_code in (400, 401)
            assert reply.headers["Cache-Control"] == "no-store"
            assert [text for text in shown if text in received] == []
    wait_until(lambda: b"marked" in world.server.log.read_bytes())
    log = world.server.log.read_bytes()
    assert [text for text in shown if text in log] == []
