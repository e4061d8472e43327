"""One line for each request, over both protocols and on both stores, and as many in the metrics."""

import json
import re
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from grantd.admin.v1.client_service_pb2 import GetClientRequest, GetClientResponse
from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IntrospectTokenResponse,
    IssueTokenRequest,
    IssueTokenResponse,
    RevokeTokenRequest,
    RevokeTokenResponse,
)
from support.edges import NO_PROXY
from support.free_ports import free_port
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import Metadata, basic
from support.redis_server import RedisServer

TOKENS = "/grantd.v1.TokenService/"
GET_CLIENT = "/grantd.admin.v1.ClientService/GetClient"

SAMPLE = re.compile(r"^(\w+)\{([^}]*)\} ([\d.e+]+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')

Line = Mapping[str, Any]


@dataclass
class Story:
    """What was sent, by the request id of its answer."""

    server: GrantdProcess
    admin_port: int
    ids: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    counted: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def line(self, what: str) -> Line:
        """Return the one line of a request."""
        (found,) = [line for line in self.lines if line.get("request_id") == self.ids[what]]
        return found

    def read_log(self) -> list[Line]:
        texts = [line for line in self.server.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, texts) if line["event"] == "request"]

    def read_counts(self) -> Counter[tuple[str, ...]]:
        url = f"http://127.0.0.1:{self.admin_port}/metrics"
        found: Counter[tuple[str, ...]] = Counter()
        for name, labels, value in SAMPLE.findall(httpx.get(url, trust_env=False).text):
            if name == "grantd_requests_total":
                told = dict(LABEL.findall(labels))
                found[told["protocol"], told["endpoint"], told["outcome"]] += int(float(value))
        return found


@pytest.fixture(scope="module")
def story(store: str, start_grantd: Callable[..., GrantdProcess]) -> Story:
    """Tell a server with two workers of each protocol everything, and let it drain."""
    port = free_port()
    settings = {
        "admin": f"127.0.0.1:{port}",
        "workers": "2",
        "audit_log": "./audit.jsonl",
        "log_level": "debug",
    }
    told = Story(start_grantd(store, settings, grpc=True), port)
    admin = ("--scope", "grantd.admin.read")
    billing, operator = told.server.create_clients({"billing": (), "operator": admin})
    told.secrets += [billing.secret, operator.secret]
    _over_http(told, billing)
    _over_grpc(told, billing, operator)
    told.counted = told.read_counts()
    assert told.server.stop() == 0
    told.lines = told.read_log()
    return told


def _over_http(story: Story, billing: RegisteredClient) -> None:
    server = story.server
    wrong = (billing.client_id, "wrong-" + "s" * 20)
    story.secrets.append(wrong[1])
    grant = {"grant_type": "client_credentials"}

    def send(what: str, reply: httpx.Response) -> httpx.Response:
        story.ids[what] = reply.headers["X-Request-Id"]
        return reply

    issued = send("issued", server.post("/access_token", grant, auth=billing.basic)).json()
    token = {"token": issued["access_token"]}
    story.secrets.append(issued["access_token"])
    signed = {"Accept": "application/token-introspection+jwt"}
    send("active", server.post("/introspect", token, auth=billing.basic))
    send("signed", server.post("/introspect", token, auth=billing.basic, headers=signed))
    send("revoked", server.post("/revoke", token, auth=billing.basic))
    send("inactive", server.post("/introspect", token, auth=billing.basic))
    send("wrong secret", server.post("/access_token", grant, auth=wrong))
    send("nobody", server.post("/access_token", grant))
    refresh = {"grant_type": "refresh_token", "refresh_token": "x"}
    send("not its grant", server.post("/token", refresh, auth=billing.basic))
    send("no such grant", server.post("/token", {"grant_type": "p\nw"}, auth=billing.basic))
    send("no such scope", server.post("/token", {**grant, "scope": "x"}, auth=billing.basic))
    send("no token named", server.post("/revoke", auth=billing.basic))
    send("no such path", server.get(f"/nowhere/{issued['access_token']}"))
    send("no such method", server.get("/access_token"))
    send("key set", server.get("/.well-known/jwks.json"))
    send("health", server.get("/livez"))
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=20) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
        head = raw.recv(4_096).decode()
    story.ids["malformed"] = head.split("x-request-id: ", 1)[1].split("\r\n", 1)[0]


def _over_grpc(story: Story, billing: RegisteredClient, operator: RegisteredClient) -> None:
    with grpc.insecure_channel(story.server.grpc_target, options=NO_PROXY) as channel:

        def send(what: str, method: str, message: Any, answer: Any, caller: Metadata) -> Any:  # noqa: ANN401  (protobuf's)
            call = channel.unary_unary(method, type(message).SerializeToString, answer.FromString)
            try:
                reply, ended = call.with_call(message, metadata=caller, timeout=20)
            except grpc.RpcError as error:
                reply, ended = None, error  # type: ignore[assignment]  # it is a call, too
            trailing = dict(ended.trailing_metadata() or ())
            story.ids[what] = str(trailing["x-request-id"])
            return reply

        own = basic(billing.client_id, billing.secret)
        grant = IssueTokenRequest(grant_type="client_credentials")
        issued = send("issued over gRPC", f"{TOKENS}IssueToken", grant, IssueTokenResponse, own)
        story.secrets.append(issued.access_token)
        asked = IntrospectTokenRequest(token=issued.access_token)
        introspect = (f"{TOKENS}IntrospectToken", asked, IntrospectTokenResponse, own)
        send("active over gRPC", *introspect)
        ended = RevokeTokenRequest(token=issued.access_token)
        send("revoked over gRPC", f"{TOKENS}RevokeToken", ended, RevokeTokenResponse, own)
        send("inactive over gRPC", *introspect)
        wrong = basic(billing.client_id, "wrong")
        send("wrong over gRPC", f"{TOKENS}IssueToken", grant, IssueTokenResponse, wrong)
        scoped = IssueTokenRequest(grant_type="client_credentials", scopes=["grantd.admin.read"])
        admin = basic(operator.client_id, operator.secret)
        allowed = send("admin's token", f"{TOKENS}IssueToken", scoped, IssueTokenResponse, admin)
        story.secrets.append(allowed.access_token)
        shown = GetClientRequest(client_id="billing")
        for what, token in (("administered", allowed.access_token), ("no admin", "x")):
            bearer = (("authorization", f"Bearer {token}"),)
            send(what, GET_CLIENT, shown, GetClientResponse, bearer)
        with pytest.raises(grpc.RpcError):
            channel.unary_unary("/grantd.v1.TokenService/Nothing")(b"", timeout=20)


PROVED = {"client_id": "billing"}
CLAIMED = {"claimed_client_id": "billing"}
CREDENTIALS = {"grant_type": "client_credentials"}

EXPECTED: Mapping[str, tuple[str, str, int | str, Mapping[str, Any]]] = {
    "issued": ("token", "ok", 200, PROVED | CREDENTIALS),
    "active": ("introspection", "ok", 200, PROVED | {"active": True}),
    "signed": ("introspection", "ok", 200, PROVED | {"active": True}),
    "revoked": ("revocation", "ok", 200, PROVED),
    "inactive": ("introspection", "ok", 200, PROVED | {"active": False}),
    "wrong secret": ("token", "invalid_client", 401, CLAIMED | CREDENTIALS),
    "nobody": ("token", "invalid_client", 401, CREDENTIALS),
    "not its grant": (
        "token",
        "unauthorized_client",
        400,
        PROVED | {"grant_type": "refresh_token"},
    ),
    "no such grant": ("token", "invalid_request", 400, {}),
    "no such scope": ("token", "invalid_scope", 400, PROVED | CREDENTIALS),
    "no token named": ("revocation", "invalid_request", 400, PROVED),
    "no such path": ("unknown", "invalid_request", 404, {}),
    "no such method": ("token", "invalid_request", 405, {}),
    "key set": ("key_set", "ok", 200, {}),
    "health": ("health", "ok", 200, {}),
    "malformed": ("unknown", "invalid_request", 400, {}),
    "issued over gRPC": ("token", "ok", "OK", PROVED | CREDENTIALS),
    "active over gRPC": ("introspection", "ok", "OK", PROVED | {"active": True}),
    "revoked over gRPC": ("revocation", "ok", "OK", PROVED),
    "inactive over gRPC": ("introspection", "ok", "OK", PROVED | {"active": False}),
    "wrong over gRPC": ("token", "invalid_client", "UNAUTHENTICATED", CLAIMED | CREDENTIALS),
    "admin's token": ("token", "ok", "OK", {"client_id": "operator"} | CREDENTIALS),
    "administered": ("administration", "ok", "OK", {"client_id": "operator"}),
    "no admin": ("administration", "invalid_token", "UNAUTHENTICATED", {}),
}


@pytest.mark.parametrize("what", EXPECTED)
def test_the_request_id_of_an_answer_leads_to_the_line_of_its_request(
    story: Story, what: str
) -> None:
    """Which tells who asked for what, and how it ended."""
    endpoint, outcome, status, known = EXPECTED[what]

    line = story.line(what)

    assert (line["endpoint"], line["outcome"], line["status"]) == (endpoint, outcome, status)
    assert line["address"] == "127.0.0.1"
    assert line["level"] == ("debug" if endpoint == "health" else "info")
    members = ("client_id", "claimed_client_id", "grant_type", "active")
    assert {name: line[name] for name in members if name in line} == known


def test_a_line_counts_what_its_request_asked_of_the_store(story: Story) -> None:
    """What it reads is gathered into one read, whatever the store; a revocation is written."""
    for what in ("active", "inactive", "active over gRPC"):
        assert story.line(what)["store_reads"] == 1, what
    for what in ("revoked", "revoked over gRPC"):
        assert story.line(what)["store_steps"] >= 1, what
    assert story.line("no such path")["store_reads"] == 0


def test_no_request_is_without_its_line_when_the_server_has_drained(story: Story) -> None:
    """And none has two; those of other workers are among them."""
    found = Counter(line.get("request_id") for line in story.lines)

    assert all(found[request_id] == 1 for request_id in story.ids.values())


def test_the_metrics_count_what_the_log_tells(story: Story) -> None:
    """Of all workers together; what never reached the application is counted apart."""
    told = Counter(
        (line["protocol"], line["endpoint"], line["outcome"])
        for line in story.lines
        if line["request_id"] not in (story.ids["malformed"], "")
    )

    assert story.counted == told


def test_no_line_shows_a_secret_or_a_token(story: Story) -> None:
    """Nor a part of one, wherever it was sent."""
    everything = story.server.log.read_text()

    assert [secret for secret in story.secrets if secret[:24] in everything] == []


def test_the_request_log_can_be_turned_off(prepare_grantd: Callable[..., GrantdProcess]) -> None:
    """The rest of the log stays."""
    server = prepare_grantd(settings={"request_log": "false"}).start()
    assert server.get("/nowhere").status_code == 404
    server.stop()

    log = server.log.read_text()
    assert "worker ready" in log
    assert '"event":"request"' not in log


def test_what_the_store_leaves_unanswered_is_a_warning_with_its_trips(
    prepare_grantd: Callable[..., GrantdProcess], tmp_path: Path
) -> None:
    """And its request id stands in the line that says why, too."""
    redis = RedisServer.start(tmp_path)
    server = prepare_grantd(redis.url).start()
    client = server.create_client("billing")
    redis.kill()
    reply = server.issue(client)
    server.stop()
    redis.stop()

    assert reply.status_code == 503
    request_id = reply.headers["X-Request-Id"]
    texts = [line for line in server.log.read_text().splitlines() if request_id in line]
    told = [json.loads(line) for line in texts]
    (line,) = [line for line in told if line["event"] == "request"]
    assert (line["level"], line["outcome"]) == ("warning", "temporarily_unavailable")
    assert (line["status"], line["store_reads"]) == (503, 1)
    assert line["claimed_client_id"] == "billing"
    assert any(line["event"].startswith("unavailable in request") for line in told)
