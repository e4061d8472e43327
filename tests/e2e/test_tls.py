"""Both listeners over TLS, one way and mutual, and certificates that change while they serve."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import grpc
import httpx
import pytest
import trustme
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from adapters.system.clock import SystemClock
from grantd.v1.token_service_pb2 import IssueTokenRequest, IssueTokenResponse
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.audit import audit_lines
from support.free_ports import free_port
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import basic
from support.oauth_replies import granted
from support.polling import wait_until
from support.tls import HERE, Pair, channel_credentials, client_context, handshake

PrepareGrantd = Callable[..., GrantdProcess]

ROOT = Path(__file__).resolve().parents[2]
WORKERS = "2"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CLEARTEXT = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class Site:
    """A server with certificates of its own authority, and clients of another one."""

    grantd: GrantdProcess
    servers: trustme.CA
    clients: trustme.CA
    shown: Pair | None
    client: RegisteredClient

    @property
    def ports(self) -> tuple[int, int]:
        return (self.grantd.http_port, self.grantd.grpc_port)

    @contextmanager
    def channel(self, shown: Pair | None = None) -> Iterator[grpc.Channel]:
        credentials = channel_credentials(self.servers, shown or self.shown)
        own = (("grpc.use_local_subchannel_pool", 1),)
        with grpc.secure_channel(self.grantd.grpc_target, credentials, own) as channel:
            yield channel

    def issue_by_grpc(self, channel: grpc.Channel) -> IssueTokenResponse:
        answer: IssueTokenResponse = TokenServiceStub(channel).IssueToken(
            IssueTokenRequest(grant_type="client_credentials"),
            metadata=basic(self.client.client_id, self.client.secret),
            timeout=20,
        )
        return answer

    def issue_by_http(self, shown: Pair | None = None) -> httpx.Response:
        with httpx.Client(
            verify=client_context(self.servers, shown), trust_env=False, timeout=20
        ) as client:
            return client.post(
                f"{self.grantd.url}/access_token",
                data={"grant_type": "client_credentials"},
                auth=self.client.basic,
            )


@pytest.fixture(scope="module")
def servers() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def clients() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def one_way(
    tmp_path_factory: pytest.TempPathFactory, servers: trustme.CA, clients: trustme.CA
) -> Iterator[Site]:
    """Both listeners show a certificate and ask for none."""
    folder = tmp_path_factory.mktemp("one-way")
    pair = Pair.write(servers.issue_cert(HERE), folder)
    grantd = GrantdProcess(folder, settings=pair.settings("http", "grpc"))
    grantd.tls = client_context(servers)
    grantd.start()
    yield Site(grantd, servers, clients, None, grantd.create_client("billing"))
    grantd.stop()


@pytest.fixture(scope="module")
def mutual(
    tmp_path_factory: pytest.TempPathFactory, servers: trustme.CA, clients: trustme.CA
) -> Iterator[Site]:
    """Both listeners want a certificate, and have two workers each."""
    folder = tmp_path_factory.mktemp("mutual")
    pair = Pair.write(servers.issue_cert(HERE), folder)
    shown = Pair.write(clients.issue_cert("billing.example"), folder, "client")
    trusted = folder / "clients.crt"
    clients.cert_pem.write_to_path(str(trusted))
    settings = {
        **pair.settings("http", "grpc"),
        "http_client_ca_file": str(trusted),
        "grpc_client_ca_file": str(trusted),
        "workers": WORKERS,
        "audit_log": str(folder / "audit.jsonl"),
    }
    grantd = GrantdProcess(folder, settings=settings)
    grantd.tls = client_context(servers, shown)
    grantd.start()
    yield Site(grantd, servers, clients, shown, grantd.create_client("billing"))
    grantd.stop()


@pytest.fixture(scope="module")
def away(mutual: Site, tmp_path_factory: pytest.TempPathFactory) -> GrantdProcess:
    """Commands typed elsewhere, as a client of such a server."""
    folder = tmp_path_factory.mktemp("away")
    operator = mutual.grantd.create_client(
        "operator", "--scope", "grantd.admin.read grantd.admin.write"
    )
    (folder / "operator.secret").write_text(operator.secret)
    mutual.servers.cert_pem.write_to_path(str(folder / "ca.crt"))
    shown = Pair.write(mutual.clients.issue_cert("operator.example"), folder, "operator")
    away = GrantdProcess(folder)
    away.environment |= {
        "GRANTD_ISSUER": mutual.grantd.url,
        "GRANTD_TARGET": mutual.grantd.grpc_target,
        "GRANTD_TARGET_TLS": "true",
        "GRANTD_TARGET_CLIENT": "operator",
        "GRANTD_TARGET_SECRET_FILE": "operator.secret",
        "GRANTD_TARGET_CA_FILE": "ca.crt",
        "GRANTD_TARGET_CERTIFICATE_FILE": str(shown.certificate),
        "GRANTD_TARGET_CERTIFICATE_KEY_FILE": str(shown.key),
    }
    return away


def read_to_the_end(connection: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionResetError):
        while more := connection.recv(65_536):
            received += more
    return received


class TestOneWay:
    @pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
    def test_both_listeners_speak_it_each_with_its_own_protocol(
        self, one_way: Site, version: str
    ) -> None:
        """HTTP/1.1 here and HTTP/2 there, whatever else a client offers."""
        context = client_context(one_way.servers)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]

        http, by_grpc = (handshake(port, context) for port in one_way.ports)

        assert http.version == by_grpc.version == version.replace("_", ".")
        assert (http.protocol, by_grpc.protocol) == ("http/1.1", "h2")

    def test_nothing_older_is_spoken(self, one_way: Site) -> None:
        """RFC 9325 §3.1.1; the client is told over HTTP."""
        context = client_context(one_way.servers)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            handshake(one_way.grantd.http_port, context)
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            handshake(one_way.grantd.grpc_port, context)

    def test_a_token_is_had_over_it(self, one_way: Site, tmp_path: Path) -> None:
        """By curl and by a stock client of gRPC; the issuer on loopback follows the scheme."""
        trusted = tmp_path / "ca.crt"
        one_way.servers.cert_pem.write_to_path(str(trusted))
        url = f"https://{HERE}:{one_way.grantd.http_port}"

        fetched = subprocess.run(
            ["curl", "-sS", "--cacert", trusted, f"{url}/.well-known/oauth-authorization-server"],
            check=True,
            capture_output=True,
            text=True,
        )
        with one_way.channel() as channel:
            issued = one_way.issue_by_grpc(channel)

        assert f'"issuer":"{url}"' in fetched.stdout
        assert granted(one_way.issue_by_http())["access_token"]
        assert issued.access_token

    def test_who_does_not_speak_it_is_let_go(self, one_way: Site) -> None:
        """At once, and nothing is told in the clear."""
        for port in one_way.ports:
            with socket.create_connection((HERE, port), timeout=5) as connection:
                connection.sendall(CLEARTEXT)
                assert not read_to_the_end(connection).startswith(b"HTTP/1.1 200")

    def test_a_certificate_in_a_header_field_is_nobodys(self, one_way: Site) -> None:
        """RFC 8705 §6.5: whoever reaches the listener can write one."""
        shown = Pair.write(one_way.clients.issue_cert("billing"), one_way.grantd.folder, "forged")
        written = quote(shown.certificate.read_text())
        forged = {
            "X-SSL-Client-Cert": written,
            "X-SSL-Client-Verify": "SUCCESS",
            "X-Forwarded-Client-Cert": f'Cert="{written}";Subject="CN=billing"',
            "Client-Cert": f":{b64encode(shown.certificate.read_bytes()).decode()}:",
        }
        form = {"grant_type": "client_credentials", "client_id": "billing"}

        answer = one_way.grantd.post("/access_token", form, headers=forged)

        assert answer.status_code == 401
        (line,) = (
            line
            for line in audit_lines(one_way.grantd.log)
            if line.get("request_id") == answer.headers["x-request-id"]
        )
        assert "certificate" not in line

    @pytest.mark.waits
    def test_a_handshake_that_does_not_come_is_given_up(self, one_way: Site) -> None:
        """In ten seconds, on either listener."""
        began = time.monotonic()
        waiting = [socket.create_connection((HERE, port), timeout=20) for port in one_way.ports]
        for connection in waiting:
            with connection:
                assert read_to_the_end(connection) == b""

        assert 8 < time.monotonic() - began < 18


class TestMutual:
    def test_the_certificate_reaches_what_is_written_down(self, mutual: Site) -> None:
        """Its thumbprint is in the audit trail, over both protocols (RFC 8705 §3.1)."""
        assert mutual.shown is not None
        with mutual.channel() as channel:
            mutual.issue_by_grpc(channel)
        granted(mutual.issue_by_http(mutual.shown))

        lines = audit_lines(mutual.grantd.folder / "audit.jsonl")
        written = {
            (line["protocol"], line["certificate"])
            for line in lines
            if line["event"] == "token.issued" and line["client_id"] == "billing"
        }
        assert written == {
            ("http", mutual.shown.thumbprint),
            ("grpc", mutual.shown.thumbprint),
        }

    @pytest.mark.parametrize("whose", ["nobody's", "a stranger's", "an expired one", "a server's"])
    def test_any_other_certificate_is_refused(
        self, mutual: Site, tmp_path: Path, whose: str
    ) -> None:
        """By the handshake: no request is read."""
        shown = {
            "nobody's": lambda: None,
            "a stranger's": lambda: Pair.write(trustme.CA().issue_cert("a.example"), tmp_path),
            "an expired one": lambda: Pair.write(
                mutual.clients.issue_cert(
                    "a.example", not_before=LONG_AGO, not_after=LONG_AGO + timedelta(days=9)
                ),
                tmp_path,
            ),
            "a server's": lambda: Pair.write(mutual.servers.issue_cert("a.example"), tmp_path),
        }[whose]()

        with pytest.raises(httpx.TransportError, match=r"(?i)alert"):
            mutual.issue_by_http(shown)
        credentials = channel_credentials(mutual.servers, shown)
        with (
            grpc.secure_channel(mutual.grantd.grpc_target, credentials) as channel,
            pytest.raises(grpc.RpcError) as caught,
        ):
            mutual.issue_by_grpc(channel)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    def test_the_operator_reads_why(self, mutual: Site) -> None:
        """Whose certificate is missing, the client's log may not say."""
        with pytest.raises(httpx.TransportError):
            mutual.issue_by_http(None)

        wait_until(
            lambda: (
                "a TLS handshake failed: peer did not return a certificate"
                in mutual.grantd.log.read_text()
            )
        )

    def test_health_and_reflection_answer_who_shows_one(self, mutual: Site) -> None:
        """They are no way around it either."""
        with mutual.channel() as channel:
            health = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=20
            )
            service = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
            methods = service.FindServiceByName("grantd.v1.TokenService").methods

        assert health.status == health_pb2.HealthCheckResponse.SERVING
        assert "IssueToken" in [method.name for method in methods]


def test_the_probe_of_the_manual_works(mutual: Site) -> None:
    """Kubelet has no certificate to show."""
    assert mutual.shown is not None
    manual = (ROOT / "docs" / "operations.md").read_text()
    (probe,) = re.findall(r"python -c '\n(import ssl.*?)'\n", manual, re.DOTALL)
    trusted = mutual.grantd.folder / "servers.crt"
    mutual.servers.cert_pem.write_to_path(str(trusted))
    for written, meant in {
        "/tls/ca.crt": str(trusted),
        "/tls/probe.crt": str(mutual.shown.certificate),
        "/tls/probe.key": str(mutual.shown.key),
        "127.0.0.1:8080": f"{HERE}:{mutual.grantd.http_port}",
    }.items():
        assert written in probe
        probe = probe.replace(written, meant)

    subprocess.run([sys.executable, "-c", probe], check=True)


class TestCommands:
    def test_they_administer_it_and_get_tokens(self, away: GrantdProcess) -> None:
        """With the certificate that it wants to see."""
        clients = away.require("clients", "list")
        issued = away.require(
            *("token", "issue", "--client-id", "operator", "--secret-file", "operator.secret")
        )

        assert "billing" in {client["client_id"] for client in clients}
        assert issued["access_token"]

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"TARGET_TLS": "false"}, "cannot be reached"),
            ({"TARGET_CA_FILE": "operator.crt"}, "cannot be reached: .*certificate"),
            ({"TARGET_CA_FILE": "none.crt"}, r"none\.crt: No such file or directory"),
            (
                {"TARGET_CA_FILE": "operator.secret"},
                r"operator\.secret: no certificate",
            ),
            (
                {"TARGET_CERTIFICATE_KEY_FILE": "operator.secret"},
                r"operator\.crt and operator\.secret: ",
            ),
        ],
    )
    def test_what_keeps_them_from_it_is_told(
        self, away: GrantdProcess, changed: dict[str, str], said: str
    ) -> None:
        """In one line: the file, or what the handshake failed of."""
        environment = {f"GRANTD_{name}": value for name, value in changed.items()}

        done = away.run("clients", "list", environment=environment)

        assert done.returncode in (2, 3)
        assert re.search(said, done.stderr), done.stderr
        assert done.stderr.count("\n") == 1

    def test_an_issuer_that_nobody_vouches_for_is_told(self, away: GrantdProcess) -> None:
        """With the flag that names who does."""
        done = away.run(
            *("token", "issue", "--client-id", "operator", "--secret-file", "operator.secret"),
            environment={"GRANTD_TARGET_CA_FILE": ""},
        )

        assert done.returncode == 3
        assert "certificate is not trusted" in done.stderr
        assert "--target-ca-file" in done.stderr


class TestExchange:
    def test_a_new_certificate_disturbs_nobody(self, mutual: Site) -> None:
        """Under load: connections that are there go on, new ones get what is new, none fails.

        New is everything: certificate, key, and who vouches for clients.
        """
        assert mutual.shown is not None
        folder = mutual.grantd.folder
        trusted, old = folder / "clients.crt", (folder / "clients.crt").read_bytes()
        newcomers = trustme.CA()
        newcomer = Pair.write(newcomers.issue_cert("new.example"), folder, "newcomer")
        with _load(mutual) as failures:
            _wait_for_connections(failures)
            before = _shown_by_all(mutual, mutual.shown)
            known = client_context(mutual.servers, mutual.shown)
            resumable = {port: handshake(port, known).session for port in mutual.ports}
            Pair.write(mutual.servers.issue_cert(HERE), folder)
            trusted.write_bytes(newcomers.cert_pem.bytes())
            try:
                mutual.grantd.signal(signal.SIGHUP)
                wait_until(lambda: _is_exchanged(mutual, newcomer, before))
                for port in mutual.ports:
                    with pytest.raises(OSError, match=r"(?i)alert|reset|without a word|eof"):
                        handshake(port, known, resumable[port])
                time.sleep(0.5)  # of load on connections of before
            finally:
                trusted.write_bytes(old)
                mutual.grantd.signal(signal.SIGHUP)
                wait_until(lambda: _is_exchanged(mutual, mutual.shown, set()))

        assert failures.reasons == []
        assert failures.answered > 20

    @pytest.mark.waits
    def test_an_exchange_of_links_is_seen_without_a_signal(
        self, servers: trustme.CA, tmp_path: Path
    ) -> None:
        """As Kubernetes exchanges a mounted secret; a broken one is told, and the old one stays."""
        for name in ("1", "2", "3"):
            Pair.write(servers.issue_cert(HERE), tmp_path / name)
        (tmp_path / "2" / "tls.key").write_text("nonsense")
        link = tmp_path / "now"
        link.symlink_to("1")
        pair = Pair(link / "tls.crt", link / "tls.key")
        admin = f"127.0.0.1:{free_port()}"
        settings = {**pair.settings("http", "grpc"), "admin": admin}
        grantd = GrantdProcess(tmp_path, settings=settings)
        grantd.tls = client_context(servers)
        grantd.start()
        ports = (grantd.http_port, grantd.grpc_port)

        def shows(folder: str) -> bool:
            expected = Pair(tmp_path / folder / "tls.crt", pair.key).thumbprint
            return all(handshake(port, grantd.tls).thumbprint == expected for port in ports)

        try:
            assert shows("1")
            _link(link, "2")
            wait_until(
                lambda: grantd.log.read_text().count("certificate not exchanged") == 2, within=40
            )
            assert "no private key in PEM in it" in grantd.log.read_text()
            assert shows("1")
            _link(link, "3")
            wait_until(lambda: shows("3"), within=40)
            metrics = httpx.get(f"http://{admin}/metrics", trust_env=False).text
            for protocol in ("http", "grpc"):
                failures = "grantd_certificate_exchange_failures_total"
                assert f'{failures}{{protocol="{protocol}"}} 1.0' in metrics
        finally:
            assert grantd.stop() == 0
        assert grantd.log.read_text().count("certificate not exchanged") == 2


def test_the_doctor_looks_at_certificates(
    embedded: GrantdProcess, servers: trustme.CA, tmp_path: Path
) -> None:
    """For whom they are, and how long yet."""
    http = Pair.write(servers.issue_cert(HERE), tmp_path / "http")
    soon = servers.issue_cert(
        "elsewhere.example",
        not_before=SystemClock().now() - timedelta(days=89),
        not_after=SystemClock().now() + timedelta(days=1),
    )
    by_grpc = Pair.write(soon, tmp_path / "grpc")
    embedded.environment |= {
        f"GRANTD_{name.upper()}": value
        for name, value in {**http.settings("http"), **by_grpc.settings("grpc")}.items()
    }

    found = {check["subject"]: check for check in embedded.require("doctor")}

    assert found["http TLS"]["verdict"] == "ok"
    assert f"{http.certificate} is for {HERE}, and good for" in found["http TLS"]["sentence"]
    assert found["grpc TLS"]["verdict"] == "warning"
    assert f"{by_grpc.certificate} expires soon" in found["grpc TLS"]["sentence"]


def test_what_cannot_be_served_is_refused_at_the_start(
    embedded: GrantdProcess, servers: trustme.CA, tmp_path: Path
) -> None:
    """In one line that names the file, and by the doctor; to check settings opens none."""
    pair = Pair.write(servers.issue_cert(HERE), tmp_path)
    pair.key.write_text("nonsense")
    embedded.environment |= {
        f"GRANTD_{name.upper()}": value for name, value in pair.settings("grpc").items()
    }
    said = f"{pair.key}: no private key in PEM in it"

    start, doctor = embedded.run("serve"), embedded.run("doctor")

    assert (start.returncode, start.stderr) == (1, f"grantd: {said}\n")
    assert doctor.returncode == 1
    assert said in " ".join(doctor.stdout.split())
    assert embedded.run("config", "check").returncode == 0


class _Failures:
    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.answered = 0


@contextmanager
def _load(site: Site) -> Iterator[_Failures]:
    """Ask without a pause, on connections that are kept."""
    failures, enough = _Failures(), threading.Event()

    def ask(once: Callable[[], object]) -> None:
        while not enough.is_set():
            try:
                once()
            except Exception as error:  # noqa: BLE001  (which is the result)
                failures.reasons.append(repr(error))
                return
            failures.answered += 1
            time.sleep(0.01)

    with (
        httpx.Client(verify=site.grantd.tls, trust_env=False, timeout=20) as http,
        site.channel() as channel,
        ThreadPoolExecutor(2) as pool,
    ):
        url = f"{site.grantd.url}/introspect"
        tasks = [
            pool.submit(
                ask,
                lambda: http.post(
                    url, data={"token": "x"}, auth=site.client.basic
                ).raise_for_status(),
            ),
            pool.submit(ask, lambda: site.issue_by_grpc(channel)),
        ]
        try:
            yield failures
        finally:
            enough.set()
        for task in tasks:
            task.result()


def _wait_for_connections(failures: _Failures) -> None:
    wait_until(lambda: failures.answered > 5 or failures.reasons)


def _shown_by_all(site: Site, client: Pair) -> set[str]:
    """Return what the listeners show, asked often enough to meet every worker."""
    context = client_context(site.servers, client)
    return {handshake(port, context).thumbprint for port in site.ports for _ in range(8)}


def _is_exchanged(site: Site, client: Pair, before: set[str]) -> bool:
    try:
        return not _shown_by_all(site, client) & before
    except OSError:
        return False


def _link(link: Path, target: str) -> None:
    new = link.with_name("new")
    new.symlink_to(target)
    os.replace(new, link)  # noqa: PTH105  (of the link itself)
