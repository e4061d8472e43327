"""Real proxies in front: nginx, which keeps or strips an issuer's path, and Envoy."""

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IssueTokenRequest,
    RevokeTokenRequest,
)
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.audit import audit_lines
from support.client_assertions import PrivateKey, assertion_form, sign_assertion
from support.cutting_server import CuttingServer
from support.edges import NO_PROXY
from support.free_ports import free_port
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import basic
from support.oauth_replies import granted, introspected, refused
from support.polling import wait_until
from support.proxies import (
    PROXY_ADDRESS,
    Certificates,
    Proxy,
    Upstreams,
    start_envoy,
    start_nginx,
)
from support.registration import register
from support.relay import Relay

START: Mapping[str, Callable[..., Proxy]] = {
    "nginx": start_nginx,
    "nginx that strips": lambda *places: start_nginx(*places, strips=True),
    "envoy": start_envoy,
}
SERVER, OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
PATH = "/tenant/a"
AUDIENCE = "https://orders.example.com"
SCOPE = "orders.read"
GRANTS = ("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token")
FAILURES = 3

SOURCE, ANOTHER = "127.0.0.9", "127.0.0.10"
SPOOFED: Mapping[str, Mapping[str, str]] = {
    "both": {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"},
    "a list": {"X-Forwarded-For": f"6.6.6.6, {PROXY_ADDRESS}"},
    "a quotation mark": {"X-Forwarded-For": '"', "Forwarded": 'for="'},
    "others": {"X-Real-IP": "6.6.6.6", "X-Client-IP": "6.6.6.6", "X-Forwarded": "6.6.6.6"},
}


@dataclass(frozen=True, slots=True)
class World:
    """A server whose issuer is the proxy's root, and one whose issuer has a path there."""

    proxy: str
    port: int
    certificates: Certificates
    server: GrantdProcess
    tenant: GrantdProcess
    client: RegisteredClient
    member: RegisteredClient
    signing: PrivateKey = field(repr=False)

    @property
    def issuer(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        url: str,
        *,
        source: str = SOURCE,
        **request: Any,  # noqa: ANN401  (as httpx takes it)
    ) -> httpx.Response:
        """Send a request to the proxy from an address of this machine."""
        transport = httpx.HTTPTransport(verify=self.certificates.context, local_address=source)
        with httpx.Client(transport=transport, base_url=self.issuer, timeout=20) as client:
            return client.request(method, url, **request)

    def issue(
        self,
        client: RegisteredClient,
        **request: Any,  # noqa: ANN401  (as httpx takes it)
    ) -> httpx.Response:
        form = {"grant_type": "client_credentials"}
        return self.ask("POST", "/access_token", data=form, auth=client.basic, **request)

    @contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        """Yield a channel to the proxy from the address that HTTP comes from."""
        roots = grpc.ssl_channel_credentials(self.certificates.ca.read_bytes())
        with (
            Relay.open(self.port, SOURCE) as port,
            grpc.secure_channel(f"127.0.0.1:{port}", roots, options=NO_PROXY) as channel,
        ):
            yield channel

    def token_command(self, *arguments: str) -> Any:  # noqa: ANN401  (JSON has any shape)
        """Run `grantd token` as a client of the tenant's issuer, and return its JSON."""
        trusts = {"SSL_CERT_FILE": str(self.certificates.ca)}
        done = self.tenant.run("token", *arguments, "--json", environment=trusts)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def source_of(self, request_id: str) -> str:
        """Return the address that the audit trail has for a request."""
        file = self.server.folder / "audit.jsonl"

        def written() -> list[Any]:
            return [it for it in audit_lines(file) if it.get("request_id") == request_id]

        wait_until(written)
        address: str = written()[0]["address"]
        return address


@pytest.fixture(scope="module")
def grounds(
    start_grantd: Callable[..., GrantdProcess], tmp_path_factory: pytest.TempPathFactory
) -> World:
    """Everything but the proxy."""
    port = free_port()
    config = tmp_path_factory.mktemp("config") / "grantd.toml"
    config.write_text(f'trusted_proxies = ["{PROXY_ADDRESS}/32"]')
    server = start_grantd(
        settings={
            "config": str(config),
            "issuer": f"https://127.0.0.1:{port}",
            "audit_log": "./audit.jsonl",
            "failures_per_source": f"{FAILURES}/1h",
        },
        grpc=True,
    )
    tenant = start_grantd(settings={"issuer": f"https://127.0.0.1:{port}{PATH}"})
    signing = PrivateKey(ec.generate_private_key(ec.SECP256R1()), key_id="one")
    tenant.require("resources", "create", AUDIENCE)
    tenant.require("scopes", "create", SCOPE, "--resource", AUDIENCE)
    registered = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [signing.jwk]}}
    register(tenant, {"signer": {"grant_types": ["client_credentials"], **registered}})
    return World(
        "",
        port,
        Certificates(tmp_path_factory.mktemp("certificates")),
        server,
        tenant,
        server.create_client("billing", *GRANTS),
        tenant.create_client("member", "--scope", SCOPE, "--serves", AUDIENCE),
        signing,
    )


@pytest.fixture(scope="module", params=START)
def world(
    request: pytest.FixtureRequest, grounds: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    behind = Upstreams(
        [grounds.server.http_port], grounds.server.grpc_port, grounds.tenant.http_port
    )
    folder = tmp_path_factory.mktemp("proxy")
    proxy = START[request.param](folder, grounds.certificates, grounds.port, behind)
    yield replace(grounds, proxy=request.param)
    proxy.stop()


def test_an_issuer_with_a_path_works_by_its_metadata(world: World) -> None:
    """Found by RFC 8414 §3.1 or with the path in front, and nothing it names is elsewhere."""
    documents = [
        world.ask("GET", path).json()
        for name in (SERVER, OPENID)
        for path in (name + PATH, PATH + name)
    ]
    document = documents[0]
    assert documents == [document] * 4
    assert document["issuer"] == f"{world.issuer}{PATH}"

    def post(endpoint: str, **form: str) -> httpx.Response:
        return world.ask("POST", document[endpoint], data=form, auth=world.member.basic)

    token = granted(post("token_endpoint", grant_type="client_credentials", scope=SCOPE))
    text = token["access_token"]
    keys = jwt.PyJWKSet.from_dict(world.ask("GET", document["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(text)["kid"]]
    claims = jwt.decode(
        text, key, algorithms=["ES256"], issuer=document["issuer"], audience=AUDIENCE
    )
    assert introspected(post("introspection_endpoint", token=text))["jti"] == claims["jti"]
    assert post("revocation_endpoint", token=text).status_code == 200
    assert introspected(post("introspection_endpoint", token=text)) == {"active": False}


def test_an_issuer_with_a_path_is_the_audience_of_assertions(world: World) -> None:
    """RFC 10070: as it is written, path and all; where the endpoint is reached is no matter."""
    url = f"{world.issuer}{PATH}/access_token"

    def ask(audience: str) -> httpx.Response:
        assertion = sign_assertion("signer", audience, world.signing)
        return world.ask(
            "POST", url, data=assertion_form(assertion, grant_type="client_credentials")
        )

    granted(ask(f"{world.issuer}{PATH}"))
    for other in (world.issuer, f"{world.issuer}/", world.tenant.url, f"{world.tenant.url}{PATH}"):
        refused(ask(other), 401, "invalid_client")


def test_the_token_commands_know_an_issuer_with_a_path(world: World, tmp_path: Path) -> None:
    """The issuer is the server they ask, if nobody names another."""
    secret, token = tmp_path / "secret", tmp_path / "token"
    secret.write_text(world.member.secret)
    caller = ("--client-id", "member", "--secret-file", str(secret))
    held = ("--token-file", str(token))

    token.write_text(world.token_command("issue", *caller, "--scope", SCOPE)["access_token"])

    decoded = world.token_command("decode", *held, "--verify")
    assert decoded["claims"]["iss"] == f"{world.issuer}{PATH}"
    assert world.token_command("introspect", *caller, *held)["active"] is True
    assert world.token_command("revoke", *caller, *held) == {"revoked": True}
    assert world.token_command("introspect", *caller, *held) == {"active": False}


def test_no_header_moves_what_the_metadata_says(world: World) -> None:
    """Not of a client, and not of a proxy that is trusted with the source address."""
    elsewhere = {
        "X-Forwarded-Host": "elsewhere.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Prefix": "/elsewhere",
        "X-Forwarded-Port": "80",
        "Forwarded": "host=elsewhere.example;proto=http",
    }
    for path in (SERVER, f"{PATH}{SERVER}"):
        usual = world.ask("GET", path)
        assert usual.json()["issuer"].startswith(world.issuer)
        assert world.ask("GET", path, headers=elsewhere).json() == usual.json()
    transport = httpx.HTTPTransport(local_address=PROXY_ADDRESS)
    with httpx.Client(transport=transport, base_url=world.server.url) as proxy:
        assert proxy.get(SERVER, headers=elsewhere).json() == proxy.get(SERVER).json()


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/metrics", f"{PATH}/readyz"])
def test_what_is_for_operators_is_not_for_the_world(world: World, path: str) -> None:
    assert world.ask("GET", path).status_code == 404


def test_grpc_comes_through(world: World) -> None:
    """The service of tokens and the health service; administration stays inside."""
    metadata = basic(world.client.client_id, world.client.secret)
    with world.channel() as channel:
        service = TokenServiceStub(channel)
        issued = service.IssueToken(
            IssueTokenRequest(grant_type="client_credentials"), metadata=metadata, timeout=20
        )
        asked = IntrospectTokenRequest(token=issued.access_token)
        assert service.IntrospectToken(asked, metadata=metadata, timeout=20).active
        revocation = RevokeTokenRequest(token=issued.access_token)
        service.RevokeToken(revocation, metadata=metadata, timeout=20)
        assert not service.IntrospectToken(asked, metadata=metadata, timeout=20).active

        whole = IntrospectTokenRequest(token="x" * 65_000)
        assert not service.IntrospectToken(whole, metadata=metadata, timeout=20).active

        health = HealthStub(channel)
        assert health.Check(HealthCheckRequest(), timeout=20).status == HealthCheckResponse.SERVING
        watch = health.Watch(HealthCheckRequest(), timeout=20)
        assert next(watch).status == HealthCheckResponse.SERVING
        watch.cancel()

        listing = channel.unary_unary("/grantd.admin.v1.ClientService/ListClients")
        with pytest.raises(grpc.RpcError) as error:
            listing(b"", timeout=20)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_refusal_over_grpc_keeps_its_details(world: World) -> None:
    with world.channel() as channel:
        with pytest.raises(grpc.RpcError) as error:
            TokenServiceStub(channel).IssueToken(
                IssueTokenRequest(grant_type="nonsense"),
                metadata=basic(world.client.client_id, world.client.secret),
                timeout=20,
            )
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        trailing = dict(error.value.trailing_metadata())
        assert "grpc-status-details-bin" in trailing
        assert "x-request-id" in trailing


@pytest.mark.parametrize("headers", SPOOFED.values(), ids=SPOOFED)
def test_the_audit_trail_has_the_source_and_not_what_a_client_says(
    world: World, headers: Mapping[str, str]
) -> None:
    """The proxy writes the address of its peer; whoever comes past it is believed nothing."""
    through = world.issue(world.client, headers=headers)
    past = world.server.post(
        "/access_token",
        {"grant_type": "client_credentials"},
        auth=world.client.basic,
        headers=headers,
    )

    assert world.source_of(through.headers["X-Request-Id"]) == SOURCE
    assert world.source_of(past.headers["X-Request-Id"]) == "127.0.0.1"


@pytest.mark.parametrize("headers", SPOOFED.values(), ids=SPOOFED)
def test_the_audit_trail_has_the_source_of_a_call(world: World, headers: Mapping[str, str]) -> None:
    """Over gRPC as over HTTP."""
    metadata = (
        *basic(world.client.client_id, world.client.secret),
        *((name.lower(), value) for name, value in headers.items()),
    )

    def source(channel: grpc.Channel) -> str:
        _, call = TokenServiceStub(channel).IssueToken.with_call(
            IssueTokenRequest(grant_type="client_credentials"), metadata=metadata, timeout=20
        )
        return world.source_of(dict(call.trailing_metadata())["x-request-id"])

    with world.channel() as through:
        assert source(through) == SOURCE
    with grpc.insecure_channel(world.server.grpc_target, options=NO_PROXY) as past:
        assert source(past) == "127.0.0.1"


def test_whoever_is_behind_a_proxy_has_a_budget_of_failures_of_its_own(world: World) -> None:
    """And no header that it sends gives it another."""
    nobody = RegisteredClient("nobody", "wrong")
    guesser = f"127.0.1.{list(START).index(world.proxy) + 1}"
    for number in range(FAILURES):
        spoofed = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
        refused(world.issue(nobody, source=guesser, headers=spoofed), 401, "invalid_client")

    assert world.issue(nobody, source=guesser).status_code == 429
    refused(world.issue(nobody, source=f"127.0.2.{guesser[-1]}"), 401, "invalid_client")


def test_what_is_too_large_is_refused(world: World) -> None:
    """What grantd would take passes, the rest is not carried to it."""
    form = {"grant_type": "client_credentials", "x": "y" * 65_000}

    def post(data: Mapping[str, str], headers: Mapping[str, str] = {}) -> int:
        sent = world.ask(
            "POST", "/access_token", data=data, headers=headers, auth=world.client.basic
        )
        return sent.status_code

    assert post(form) == 200
    assert post({**form, "z": "y" * 3_000}) == 413
    assert post({**form, "x": ""}, {"X-Large": "y" * 7_000}) == 200
    assert post({**form, "x": ""}, {f"X-{n}": "y" * 7_000 for n in range(6)}) in (400, 414, 431)


def test_a_post_that_a_node_took_is_not_sent_again(
    request: pytest.FixtureRequest, grounds: World, tmp_path: Path
) -> None:
    """A refresh would be a replay. A node that takes nothing costs nobody an answer."""
    nobody, port = free_port(), free_port()
    for kind in ("nginx", "envoy"):
        folder = tmp_path / kind
        folder.mkdir()
        with CuttingServer.open() as cutter:
            nodes = [nobody, cutter.port, grounds.server.http_port]
            behind = Upstreams(nodes, grounds.server.grpc_port, grounds.tenant.http_port)
            proxy = START[kind](folder, grounds.certificates, port, behind)
            request.addfinalizer(proxy.stop)
            world = replace(grounds, port=port)

            statuses = [world.issue(world.client).status_code for _ in range(6)]

            assert cutter.taken > 0
            assert statuses.count(503) == cutter.taken
            assert statuses.count(200) == len(statuses) - cutter.taken
            proxy.stop()


def test_trust_follows_the_settings_that_are_loaded_anew(world: World) -> None:
    """And so does the header that is read, over both protocols."""
    config = Path(world.server.environment["GRANTD_CONFIG"])
    trusting = config.read_text()
    names = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.2"}
    transport = httpx.HTTPTransport(local_address=PROXY_ADDRESS)

    def seen() -> str:
        with httpx.Client(transport=transport, base_url=world.server.url) as proxy:
            reply = proxy.post(
                "/access_token",
                data={"grant_type": "client_credentials"},
                auth=world.client.basic,
                headers=names,
            )
        return world.source_of(reply.headers["X-Request-Id"])

    for text, source in (
        (trusting, "192.0.2.1"),
        (f'{trusting}\nproxy_header = "forwarded"', "192.0.2.2"),
        ("", PROXY_ADDRESS),
        (trusting, "192.0.2.1"),
    ):
        config.write_text(text)
        world.server.signal(signal.SIGHUP)
        wait_until(lambda source=source: seen() == source)
