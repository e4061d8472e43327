"""Traces, as a collector gets them from the running program."""

import json
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from entrypoints.settings import Settings
from grantd.admin.v1 import client_service_pb2 as admin
from grantd.admin.v1.client_service_pb2_grpc import ClientServiceStub
from grantd.v1 import token_service_pb2 as messages
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.edges import NO_PROXY
from support.free_ports import free_port
from support.grantd_process import GrantdProcess
from support.grpc_calls import basic
from support.held_worker import all_at_once
from support.http_connection import HttpConnection, form_request
from support.oauth_replies import granted
from support.polling import wait_until
from support.redis_server import RedisServer
from support.trace_receiver import ReceivedSpan, TraceReceiver, trace_receiver

CROWD = 8

ISSUE = "grantd.v1.TokenService/IssueToken"
ADMINISTRATOR = ("--grant", "client_credentials", "--scope", "grantd.admin.read")

SIGNED_TOKEN = {"store.read": {}, "JoseTokenSigner.sign": {}}


@dataclass(frozen=True, slots=True)
class Caller:
    """A trace that somebody else has begun."""

    trace_id: str
    span_id: str
    sampled: bool = True

    @classmethod
    def new(cls, *, sampled: bool = True) -> "Caller":
        return cls(secrets.token_hex(16), secrets.token_hex(8), sampled)

    @property
    def fields(self) -> Mapping[str, str]:
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"}


@dataclass(frozen=True, slots=True)
class Story:
    """What was asked of a server that has ended since, and what its collector has.

    Attributes:
        callers: The traces of those requests, by what they were about.

        crowd: Those of requests that came in one moment.

        sent: Texts that no span may have.
    """

    callers: Mapping[str, Caller]
    crowd: Sequence[Caller]
    request_ids: Mapping[str, str]
    receiver: TraceReceiver
    sent: tuple[str, ...]
    log: str

    def tree(self, name: str) -> object:
        caller = self.callers[name]
        return self.receiver.tree(caller.trace_id, parent=caller.span_id)

    def spans(self, name: str) -> list[ReceivedSpan]:
        return self.receiver.trace(self.callers[name].trace_id)

    def server_span(self, name: str) -> ReceivedSpan:
        [span] = [span for span in self.spans(name) if span.kind == "server"]
        return span


@pytest.fixture(scope="module")
def story(
    tmp_path_factory: pytest.TempPathFactory, start_grantd: Callable[..., GrantdProcess]
) -> Iterator[Story]:
    """One server on a Redis of its own, which dies at the end."""
    with ExitStack() as ending:
        redis = RedisServer.start(tmp_path_factory.mktemp("redis"))
        ending.callback(redis.stop)
        receiver = ending.enter_context(trace_receiver())
        server = start_grantd(
            redis.url, {"tracing_endpoint": receiver.url, "log_format": "json"}, grpc=True
        )
        channel = ending.enter_context(grpc.insecure_channel(server.grpc_target, NO_PROXY))
        client = server.create_client("billing")
        operator = server.create_client("operator", *ADMINISTRATOR)
        granted(server.issue(client))  # from now on it has the catalogue

        callers: dict[str, Caller] = {}
        ids: dict[str, str] = {}

        def post(name: str, path: str, form: Mapping[str, str], *, sampled: bool = True) -> str:
            callers[name] = Caller.new(sampled=sampled)
            secret = "wrong" if name == "refused" else client.secret
            reply = server.post(
                path, form, auth=(client.client_id, secret), headers=callers[name].fields
            )
            ids[name] = reply.headers["x-request-id"]
            return reply.text

        def called(name: str) -> tuple[tuple[str, str], ...]:
            callers[name] = Caller.new()
            return tuple(callers[name].fields.items())

        grant = {"grant_type": "client_credentials"}
        token = json.loads(post("issued", "/access_token", grant))["access_token"]
        post("introspected", "/introspect", {"token": token})
        post("revoked", "/revoke", {"token": token})
        post("left out", "/access_token", grant, sampled=False)
        post("refused", "/access_token", grant)
        post("nowhere", "/nowhere", {})

        crowd = [Caller.new() for _ in range(CROWD)]
        request = form_request("/access_token", grant, auth=client.basic)
        for reply in all_at_once(server, [_with(caller, request) for caller in crowd]):
            assert reply.status == 200

        callers |= {"first": Caller.new(), "behind it": Caller.new(sampled=False)}
        with HttpConnection(server.http_port) as connection:
            pair = (callers["first"], callers["behind it"])
            connection.send(b"".join(_with(caller, request) for caller in pair))
            for _ in pair:
                answered = connection.receive()
                assert answered is not None
                assert answered.status == 200

        issue = TokenServiceStub(channel).IssueToken.with_call
        over_grpc, call = issue(
            messages.IssueTokenRequest(grant_type="client_credentials"),
            metadata=(*basic(*client.basic), *called("issued over gRPC")),
        )
        ids["issued over gRPC"] = dict(call.trailing_metadata())["x-request-id"]
        power = granted(server.issue(operator, scope="grantd.admin.read"))["access_token"]
        ClientServiceStub(channel).ListClients(
            admin.ListClientsRequest(),
            metadata=(("authorization", f"Bearer {power}"), *called("administered")),
        )
        redis.stop()
        post("unavailable", "/access_token", grant)
        with pytest.raises(grpc.RpcError):
            issue(
                messages.IssueTokenRequest(grant_type="client_credentials"),
                metadata=(*basic(*client.basic), *called("unavailable over gRPC")),
            )
        server.stop()
        texts = (client.secret, operator.secret, token, over_grpc.access_token, power)
        yield Story(callers, crowd, ids, receiver, texts, server.log.read_text())


def _with(caller: Caller, request: bytes) -> bytes:
    line = f"traceparent: {caller.fields['traceparent']}\r\n".encode()
    return request.replace(b"Host:", line + b"Host:", 1)


def test_a_request_over_http_is_one_trace_under_its_callers(story: Story) -> None:
    """The request, the use case, what it asks the store and what it signs."""
    server_span = story.server_span("issued")

    assert story.tree("issued") == {"POST /access_token": {"IssueToken": SIGNED_TOKEN}}
    assert server_span.attributes == {
        "http.request.method": "POST",
        "http.route": "/access_token",
        "http.response.status_code": 200,
        "url.path": "/access_token",
        "url.scheme": "http",
        "client.address": "127.0.0.1",
        "grantd.client_id": "billing",
        "grantd.request_id": story.request_ids["issued"],
    }
    assert server_span.resource["service.name"] == "grantd"
    assert not any(span.failed for span in story.spans("issued"))


def test_a_request_over_grpc_is_one_trace_under_its_callers(story: Story) -> None:
    """The same core, so the same tree, under the name of the call."""
    assert story.tree("issued over gRPC") == {ISSUE: {"IssueToken": SIGNED_TOKEN}}
    assert story.server_span("issued over gRPC").attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": ISSUE,
        "rpc.response.status_code": "OK",
        "client.address": "127.0.0.1",
        "grantd.client_id": "billing",
        "grantd.request_id": story.request_ids["issued over gRPC"],
    }


def test_each_use_case_shows_what_it_took(story: Story) -> None:
    """A signature is verified, a revocation is a step of the store."""
    assert story.tree("introspected") == {
        "POST /introspect": {"IntrospectToken": {"store.read": {}, "JoseTokenVerifier.verify": {}}}
    }
    assert story.tree("revoked") == {
        "POST /revoke": {
            "RevokeToken": {"store.read": {}, "JoseTokenVerifier.verify": {}, "store.step": {}}
        }
    }
    administered = story.tree("administered")
    assert isinstance(administered, dict)
    [(call, below)] = administered.items()
    assert call == "grantd.admin.v1.ClientService/ListClients"
    assert list(below) == ["AuthorizeAdministration", "AdministerClients.page"]


@pytest.mark.parametrize("name", ["issued", "issued over gRPC", "refused", "left out"])
def test_the_line_of_a_request_names_its_span(story: Story, name: str) -> None:
    """Also where its caller has decided that it is not kept."""
    [line] = [
        line
        for line in map(json.loads, filter(lambda text: text[:1] == "{", story.log.splitlines()))
        if line.get("event") == "request" and line["request_id"] == story.request_ids[name]
    ]

    assert line["trace_id"] == story.callers[name].trace_id
    assert not story.spans(name) or line["span_id"] == story.server_span(name).span_id


def test_a_step_lies_within_what_it_is_a_step_of(story: Story) -> None:
    """A trip to the store is seen when it was made."""
    [request, use_case, *steps] = story.spans("issued")

    assert len(steps) == 2
    assert request.began <= use_case.began <= use_case.ended <= request.ended
    assert all(use_case.began <= it.began <= it.ended <= use_case.ended for it in steps)
    [trip] = [step for step in steps if step.name == "store.read"]
    assert trip.kind == "client"
    assert trip.attributes == {"db.system.name": "redis", "grantd.requests": 1}


def test_a_caller_that_traces_nothing_is_not_traced(story: Story) -> None:
    """Its decision holds here, as that of one who traces does."""
    assert story.spans("left out") == []


def test_a_request_behind_another_one_is_no_part_of_its_trace(story: Story) -> None:
    """Both come on one connection, before the first is answered."""
    assert story.tree("first") == {"POST /access_token": {"IssueToken": SIGNED_TOKEN}}
    assert len(story.spans("first")) == 4
    assert story.spans("behind it") == []


def test_a_refusal_is_told_and_is_no_failure(story: Story) -> None:
    """Wrong credentials are the caller's doing."""
    [use_case] = [span for span in story.spans("refused") if span.name == "IssueToken"]

    assert story.server_span("refused").attributes["http.response.status_code"] == 401
    assert "grantd.client_id" not in story.server_span("refused").attributes
    assert use_case.attributes == {"grantd.refusal": "invalid_client"}
    assert not any(span.failed for span in story.spans("refused"))


def test_an_unknown_path_names_no_span(story: Story) -> None:
    """Who looks for holes cannot make names."""
    [span] = story.spans("nowhere")

    assert span.name == "POST"
    assert "http.route" not in span.attributes


@pytest.mark.parametrize(
    ("name", "error_type"),
    [("unavailable", "503"), ("unavailable over gRPC", "UNAVAILABLE")],
)
def test_an_error_is_marked_at_each_of_its_places(story: Story, name: str, error_type: str) -> None:
    """Each trip that was tried, the use case, the request; the log names the trace."""
    spans = story.spans(name)

    assert story.server_span(name).attributes["error.type"] == error_type
    assert {span.name for span in spans} >= {"IssueToken", "store.read"}
    assert len([span for span in spans if span.name == "store.read"]) > 1
    assert all(span.failed for span in spans)
    trace_id = story.callers[name].trace_id
    lines = [json.loads(line) for line in story.log.splitlines() if trace_id in line]
    assert any(
        line["trace_id"] == trace_id and line["span_id"] == story.server_span(name).span_id
        for line in lines
    )
    assert [line["outcome"] for line in lines if line["event"] == "request"] == [
        "temporarily_unavailable"
    ]


def test_a_span_tells_no_secret_and_no_token(story: Story) -> None:
    """Nor does any span of a probe stand among the others."""
    everything = repr(story.receiver.spans)

    assert story.callers["issued"].trace_id in everything
    assert not [text for text in (*story.sent, "wrong") if text in everything]
    assert "/readyz" not in everything


def test_a_shared_trip_is_seen_by_each_that_waited(story: Story) -> None:
    """Requests that come in one moment are read for together, and each shows that trip."""
    trips = [
        span
        for caller in story.crowd
        for span in story.receiver.trace(caller.trace_id)
        if span.name == "store.read"
    ]

    assert len(trips) == CROWD
    assert len({trip.trace_id for trip in trips}) == CROWD
    assert len({trip.ended for trip in trips}) < CROWD / 2
    shared = Counter(trip.ended for trip in trips)
    assert all(trip.attributes["grantd.requests"] == shared[trip.ended] for trip in trips)


def test_half_a_context_begins_a_trace_of_its_own(
    start_grantd: Callable[..., GrantdProcess],
) -> None:
    """What is malformed or there twice is no context; with a share of none, nothing is traced."""
    whole = Caller.new()
    with trace_receiver() as receiver:
        server = start_grantd(
            "sqlite",
            {"tracing_endpoint": receiver.url, "tracing_sample_ratio": "0"},
        )
        for broken in ("00-00-00-01", whole.fields["traceparent"].upper(), "x" * 5_000):
            assert server.get("/.well-known/jwks.json", {"traceparent": broken}).status_code == 200
        twice = (
            whole.fields["traceparent"] + "\r\ntraceparent: " + Caller.new().fields["traceparent"]
        )
        reply = server.send_raw(
            b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            b"traceparent: " + twice.encode() + b"\r\n\r\n"
        )
        assert reply.startswith(b"HTTP/1.1 200")
        state = {"tracestate": "=,;" * 100}
        reply = server.get("/.well-known/jwks.json", {**whole.fields, **state})
        assert reply.status_code == 200
        server.stop()

        assert [span.trace_id for span in receiver.spans] == [whole.trace_id]


def test_a_collector_that_is_away_costs_a_line_in_the_log(
    prepare_grantd: Callable[..., GrantdProcess],
) -> None:
    """One a minute, however often it was tried."""
    endpoint = f"http://127.0.0.1:{free_port()}/v1/traces"
    server = prepare_grantd("sqlite", {"tracing_endpoint": endpoint})
    server.environment["OTEL_BSP_SCHEDULE_DELAY"] = "20"
    server.start()
    client = server.create_client("billing")

    granted(server.issue(client))
    wait_until(lambda: "traces are not all kept" in server.log.read_text())
    for _ in range(20):
        granted(server.issue(client))
    time.sleep(1.5)  # the library tries again after a second, and says so
    granted(server.issue(client))

    assert server.log.read_text().count("traces are not all kept") == 1


def test_a_collector_that_is_mute_holds_up_no_request_and_no_end(
    start_grantd: Callable[..., GrantdProcess],
) -> None:
    """It takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = f"http://127.0.0.1:{mute.getsockname()[1]}/v1/traces"
        server = start_grantd("sqlite", {"tracing_endpoint": endpoint})
        client = server.create_client("billing")
        for _ in range(20):
            granted(server.issue(client))

        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10


OFF = """
import atexit, runpy, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
runpy.run_module({module!r}, run_name="__main__")
"""


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_worker_without_tracing_knows_nothing_of_it(tmp_path: Path, protocol: str) -> None:
    """Off costs nothing: not even the library is there."""
    settings = Settings.model_validate(
        {
            "store": f"sqlite:///{tmp_path}/grantd.db",
            "http": f"127.0.0.1:{free_port()}",
            "grpc": f"127.0.0.1:{free_port()}",
        }
    )
    worker = subprocess.run(
        [sys.executable, "-c", OFF.format(module=f"entrypoints.{protocol}_worker")],
        input=settings.model_dump_json() + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    modules = worker.stderr.splitlines()[-1].split()
    assert worker.stdout.startswith("ready\n")
    assert "adapters.telemetry.logging" in modules
    assert not [name for name in modules if "opentelemetry" in name or "traced" in name]
