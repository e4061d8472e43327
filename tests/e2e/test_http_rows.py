"""HTP: what the HTTP listener takes and gives, on the wire (RFC 9110, RFC 9112)."""

import base64
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient

FORM = "application/x-www-form-urlencoded"
GRANT = b"grant_type=client_credentials"
HEALTH = b"GET /livez HTTP/1.1\r\nHost: a\r\n"


@dataclass(frozen=True)
class Answer:
    """One answer as it was sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.body)
        return loaded

    def all(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given == name]


def answers(received: bytes) -> list[Answer]:
    """Read everything that came over one connection."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = [(name.lower(), value) for name, _, value in (x.partition(": ") for x in lines)]
        length = int(dict(headers).get("content-length", 0))
        found.append(Answer(int(status_line.split(" ")[1]), headers, rest[:length]))
        received = rest[length:]
    return found


def require_early_refusal(answer: Answer, *statuses: int) -> None:
    """Require a refusal in the form of every other, which is the connection's last answer."""
    assert answer.status in statuses
    assert answer.json["error"] == "invalid_request"
    assert answer.json["error_description"]
    assert answer.all("content-type") == ["application/json;charset=UTF-8"]
    assert answer.all("cache-control") == ["no-store"]
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert answer.all("connection") == ["close"]


@pytest.fixture(scope="module")
def grantd(start_grantd: Callable[..., GrantdProcess], store: str) -> GrantdProcess:
    server = start_grantd(store)
    server.create_scopes("read")
    return server


@pytest.fixture(scope="module")
def client(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client(
        "ledger", "--grant", "client_credentials", "--scope", "read", "--default-scope", "read"
    )


@pytest.fixture(scope="module")
def lone(start_grantd: Callable[..., GrantdProcess]) -> GrantdProcess:
    """A server for what never gets as far as a store."""
    return start_grantd("sqlite")


def token_request(
    client: RegisteredClient, *fields: bytes, body: bytes = GRANT, target: bytes = b"/access_token"
) -> bytes:
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode())
    lines = (
        b"POST %b HTTP/1.1" % target,
        b"Host: grantd.test",
        b"Authorization: Basic " + basic,
        b"Content-Type: " + FORM.encode(),
        b"Content-Length: %d" % len(body),
        *fields,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def require_token(answer: Answer) -> str:
    assert answer.status == 200
    token: str = answer.json["access_token"]
    assert token
    return token


def test_HTP_001_every_answer_forbids_sniffing(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """Good ones, refused ones, and those that never reach an endpoint."""
    found = [
        grantd.issue(client),
        grantd.introspect(client, "nothing"),
        grantd.revoke(client, "nothing"),
        grantd.post("/access_token"),
        grantd.get("/.well-known/oauth-authorization-server"),
        grantd.get("/.well-known/jwks.json"),
        grantd.get("/nothing"),
        grantd.get("/access_token"),
        grantd.get("/livez"),
    ]
    (malformed,) = answers(grantd.send_raw(b"GET / HTTP/1.1\r\n\r\n"))

    assert [answer.headers.get_list("x-content-type-options") for answer in found] == [
        ["nosniff"]
    ] * len(found)
    assert malformed.all("x-content-type-options") == ["nosniff"]


def test_HTP_002_no_answer_sets_a_cookie(grantd: GrantdProcess, client: RegisteredClient) -> None:
    """There are no sessions here."""
    sent = {"Cookie": "session=1"}
    found = [
        grantd.post(path, {"grant_type": "client_credentials", "token": "x"}, auth=auth)
        for path in ("/access_token", "/introspect", "/revoke")
        for auth in (client.basic, None)
    ]
    found.append(grantd.post("/access_token", headers=sent))

    assert [answer.status_code for answer in found] == [200, 401, 200, 401, 200, 401, 401]
    assert not any("set-cookie" in answer.headers for answer in found)


def test_HTP_003_no_origin_may_read_the_answers_of_the_post_endpoints(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """Fetch: whatever origin asks, with or without preflight."""
    origin = {"Origin": "https://evil.example"}
    paths = ("/access_token", "/token", "/introspect", "/revoke")
    form = {"grant_type": "client_credentials", "token": "x"}
    posts = [grantd.post(path, form, auth=client.basic, headers=origin) for path in paths]
    preflights = [
        answers(
            grantd.send_raw(
                b"OPTIONS %b HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n"
                b"Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n" % path.encode()
            )
        )[0]
        for path in paths
    ]
    reads = [
        grantd.get(path, headers=origin)
        for path in ("/.well-known/oauth-authorization-server", "/.well-known/jwks.json")
    ]

    assert {answer.status_code for answer in posts} == {200}
    for post in posts:
        assert not [name for name in post.headers if name.startswith("access-control-")]
    for preflight in preflights:
        assert preflight.status == 405
        assert not [name for name, _ in preflight.headers if name.startswith("access-control-")]
    for read in reads:
        assert read.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in read.headers


@pytest.mark.parametrize(
    "method", ["GET", "TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]
)
def test_HTP_004_only_post_is_post(
    grantd: GrantdProcess, client: RegisteredClient, method: str
) -> None:
    """No header field makes a POST of it, and nothing of it comes back (RFC 9110 §9.3.8)."""
    request = token_request(
        client, b"X-HTTP-Method-Override: POST", b"X-Marker: tr4cem4rk", b"Connection: close"
    ).replace(b"POST /", method.encode() + b" /", 1)

    received = grantd.send_raw(request)

    (answer,) = answers(received)
    assert answer.status == 405
    assert answer.all("allow") == ["POST"]
    assert answer.json["error"] == "invalid_request"
    assert b"tr4cem4rk" not in received


@pytest.mark.parametrize("method", ["CONNECT", "MINT"])
def test_HTP_004_a_method_that_is_none_of_ours_is_refused(lone: GrantdProcess, method: str) -> None:
    """RFC 9110 §9.3.6: this is no proxy."""
    target = "a:80" if method == "CONNECT" else "/access_token"
    received = lone.send_raw(f"{method} {target} HTTP/1.1\r\nHost: tr4cem4rk\r\n\r\n".encode())

    (answer,) = answers(received)
    require_early_refusal(answer, 400, 501)
    assert b"tr4cem4rk" not in received


@pytest.mark.parametrize(
    "target",
    [
        "/metrics",
        "/debug",
        "/docs",
        "/openapi.json",
        "/.git/config",
        "/.env",
        "/",
        "/../../etc/passwd",
        "/static/..%2f..%2fetc%2fpasswd",
        "/.well-known/../metrics",
        "/.well-known/jwks.json/..;/metrics",
        "//metrics",
        "/%2e%2e/metrics",
        "/livez%0a",
        "/livez%00",
    ],
)
def test_HTP_005_nothing_else_is_there(lone: GrantdProcess, target: str) -> None:
    """What is for operators is on another listener."""
    request = f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    (answer,) = answers(lone.send_raw(request.encode()))

    assert answer.status == 404
    assert answer.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param(b"Content-Length: 29\r\nContent-Length: 0", id="two lengths"),
        pytest.param(b"Content-Length: 29\r\nContent-Length: 29", id="one length twice"),
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: chunked", id="CL.TE"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 5", id="TE.CL"),
    ],
)
def test_HTP_006_a_request_with_two_ends_is_refused_and_nothing_smuggled(
    lone: GrantdProcess, framing: bytes
) -> None:
    """RFC 9112 §6.3: one refusal, and the connection is closed."""
    head = b"POST /access_token HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % framing

    (answer,) = answers(lone.send_raw(head + b"0\r\n\r\n" + HEALTH + b"\r\n"))

    require_early_refusal(answer, 400)


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (b"X-Odd : y", 400),
        (b"X-Odd: y\0z", 400),
        (b"Content-Length: +29", 400),
        (b"Content-Length: 0x1d", 400),
        (b"Content-Length: -29", 400),
        (b"Transfer-Encoding: gzip, chunked", 501),
        (b"Transfer-Encoding: foo", 501),
    ],
)
def test_HTP_007_a_field_that_can_be_read_in_two_ways_is_refused(
    lone: GrantdProcess, field: bytes, status: int
) -> None:
    """RFC 9112 §5.1, §6.1; RFC 9110 §5.5."""
    request = b"POST /access_token HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % field

    (answer,) = answers(lone.send_raw(request + GRANT))

    require_early_refusal(answer, status)


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n", b"Host: a b\r\n"])
def test_HTP_008_a_request_has_one_host(lone: GrantdProcess, hosts: bytes) -> None:
    """RFC 9112 §3.2: none, two, or none that could be one."""
    (answer,) = answers(lone.send_raw(b"GET /livez HTTP/1.1\r\n%b\r\n" % hosts))

    require_early_refusal(answer, 400)


def test_HTP_008_a_target_in_absolute_form_is_taken(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """RFC 9112 §3.2.2; whose URL it is decides nothing."""
    request = token_request(client, b"Connection: close", target=b"http://other.test/access_token")

    (answer,) = answers(grantd.send_raw(request))

    assert require_token(answer)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param((b"X-Odd: " + b"x" * 200 + b"\r\n") * 600, 431, id="600 of 200 bytes"),
        pytest.param(b"X-Odd: " + b"x" * 400_000 + b"\r\n", 431, id="one of 400 kB"),
        pytest.param(b"X: y\r\n" * 101, 431, id="101 small ones"),
    ],
)
def test_HTP_009_a_head_beyond_the_limit_is_refused(
    lone: GrantdProcess, fields: bytes, status: int
) -> None:
    """RFC 6585 §5: 32 KiB, 100 fields."""
    (answer,) = answers(lone.send_raw(HEALTH + fields + b"\r\n"))

    require_early_refusal(answer, status)


def test_HTP_009_a_body_shorter_than_its_length_is_refused(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """RFC 9112 §8: no token for half a request."""
    request = token_request(client)[:-5]
    with socket.create_connection(("127.0.0.1", grantd.http_port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))

    (answer,) = answers(received)
    require_early_refusal(answer, 400)


def test_HTP_009_a_client_in_the_middle_of_a_large_body_reads_its_refusal(
    lone: GrantdProcess,
) -> None:
    """RFC 9112 §9.6: the connection is not reset under the answer."""
    head = b"POST /access_token HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n"

    (answer,) = answers(lone.send_raw(head + b"x" * 3_000_000))

    require_early_refusal(answer, 413)


def test_HTP_010_a_client_that_waits_for_100_gets_its_token(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """RFC 9110 §10.1.1."""
    request = token_request(client, b"Expect: 100-continue", b"Connection: close")
    with socket.create_connection(("127.0.0.1", grantd.http_port), timeout=10) as connection:
        connection.sendall(request.removesuffix(GRANT))
        interim = connection.recv(65_536)
        connection.sendall(GRANT)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert require_token(answers(received)[0])


def test_HTP_010_pipelined_requests_are_answered_in_order(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """RFC 9112 §9.3.2; and the plain baseline: two requests, two tokens."""
    request = token_request(client)

    first, metadata, second, health = answers(
        grantd.send_raw(
            request
            + b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\n\r\n"
            + request
            + HEALTH
            + b"Connection: close\r\n\r\n"
        )
    )

    assert require_token(first) != require_token(second)
    assert metadata.json["keys"]
    assert health.json == {"status": "ok"}


def test_HTP_010_an_offer_of_http_2_does_not_lose_the_body(
    grantd: GrantdProcess, client: RegisteredClient
) -> None:
    """`curl --http2` and the JDK's client make one; the answer is HTTP/1.1 (RFC 9110 §7.8)."""
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")

    received = grantd.send_raw(
        token_request(client, *offer) + HEALTH + b"Connection: close\r\n\r\n"
    )

    first, second = answers(received)
    assert received.startswith(b"HTTP/1.1 200")
    assert require_token(first)
    assert second.status == 200


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "\xff;;,", ""])
def test_HTP_011_whatever_is_accepted_json_is_given(
    grantd: GrantdProcess, client: RegisteredClient, accept: str
) -> None:
    """RFC 9110 §12.5.1 lets a server disregard it."""
    request = token_request(client, b"Accept: " + accept.encode("latin-1"), b"Connection: close")

    (answer,) = answers(grantd.send_raw(request))

    assert answer.all("content-type") == ["application/json;charset=UTF-8"]
    assert require_token(answer)


@pytest.mark.parametrize("path", ["/access_token/", "/token/", "/introspect/", "/revoke/"])
def test_HTP_011_a_trailing_slash_is_another_path_and_no_redirect(
    grantd: GrantdProcess, client: RegisteredClient, path: str
) -> None:
    """Credentials would follow it."""
    answer = grantd.post(path, {"grant_type": "client_credentials"}, auth=client.basic)

    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert answer.json()["error"] == "invalid_request"
