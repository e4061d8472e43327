"""`/metrics` on the admin listener: the counts of all processes together."""

import re
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from support.free_ports import free_port
from support.grantd_process import GrantdProcess, RegisteredClient
from support.metrics import declared_series
from support.polling import wait_until

SAMPLE = re.compile(r"^(\w+(?:\{[^}]*\})?) ([\d.e+]+)$", re.MULTILINE)


class Metrics:
    """The admin listener of a server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str = "/metrics") -> httpx.Response:
        return httpx.get(self.url + path, timeout=10, trust_env=False)

    def read(self) -> Mapping[str, float]:
        reply = self.get()
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
        return {name: float(value) for name, value in SAMPLE.findall(reply.text)}


def events(kind: str) -> str:
    return f'grantd_audit_events_total{{event="{kind}"}}'


@pytest.fixture
def served(
    prepare_grantd: Callable[..., GrantdProcess], store: str
) -> tuple[GrantdProcess, Metrics]:
    """Two workers, with a trail."""
    port = free_port()
    settings = {"admin": f"127.0.0.1:{port}", "workers": "2", "audit_log": "./audit.jsonl"}
    return prepare_grantd(store, settings).start(), Metrics(port)


def test_the_counts_of_all_workers_are_one_and_outlive_a_worker(
    served: tuple[GrantdProcess, Metrics],
) -> None:
    """With the uses of an old secret, and never with a client's name or a secret."""
    grantd, metrics = served
    billing = grantd.create_client("billing")
    newer = grantd.require("clients", "rotate-secret", "billing", "--overlap", "1h")
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: grantd.issue(billing), range(40)))
    assert all(reply.status_code == 200 for reply in replies)
    assert grantd.issue(RegisteredClient("billing", "wrong")).status_code == 401

    wait_until(lambda: metrics.read()[events("token.refused")] == 1)
    counted = metrics.read()
    assert counted[events("token.issued")] == 40
    assert counted[events("token.refused")] == 1
    assert counted[events("keys.established")] == 1
    assert counted[events("token.revoked")] == 0
    assert counted["grantd_audit_write_failures_total"] == 0
    uses = counted["grantd_old_secret_uses_total"]
    assert uses == counted[events("secret.used")]
    assert 1 <= uses <= 2  # once a minute for each worker

    victim = grantd.workers("http")[0].pid
    for worker in grantd.workers("http"):
        worker.send_signal(signal.SIGKILL)
    wait_until(lambda: victim not in {worker.pid for worker in grantd.workers("http")})
    wait_until(lambda: _is_answering(grantd))
    current = RegisteredClient("billing", newer["client_secret"])
    assert grantd.issue(current).status_code == 200
    wait_until(lambda: metrics.read()[events("token.issued")] == 41)
    later = metrics.read()
    assert later["grantd_old_secret_uses_total"] == uses
    assert later["grantd_worker_deaths_total"] == 2
    assert not list(directory_of(grantd).glob(f"*_{victim}.db"))

    text = metrics.get().text
    assert not any(word in text for word in ("billing", billing.secret, current.secret))


def directory_of(grantd: GrantdProcess) -> Path:
    """Return where the processes of a server count."""
    environment = grantd.workers("http")[0].environ()
    return Path(environment["PROMETHEUS_MULTIPROC_DIR"])


def test_a_server_tells_every_metric_and_what_will_have_to_be_renewed(
    prepare_grantd: Callable[..., GrantdProcess], store: str
) -> None:
    """With the labels that the dashboard was checked against."""
    port = free_port()
    grantd = prepare_grantd(store, {"admin": f"127.0.0.1:{port}"})
    metrics = Metrics(port)
    billing = grantd.create_client("billing")
    grantd.require("clients", "rotate-secret", "billing", "--overlap", "1h")
    grantd.start()
    assert grantd.issue(billing).status_code == 200
    grantd.send_raw(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
    wait_until(lambda: 'grantd_client_secrets{ends="longer"}' in metrics.read(), within=30)
    wait_until(lambda: "grantd_early_refusals_total" in metrics.get().text)

    text = metrics.get().text
    told: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(?:\{([^}]*)\})? \S+$", text, re.MULTILINE):
        told.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    declared = declared_series()
    untold = set(declared) - set(told)
    assert all(name.startswith("grantd_certificate_") for name in untold)  # there is no TLS
    assert told == {name: set(declared[name]) for name in told}

    counted = metrics.read()
    assert counted['grantd_signing_keys{algorithm="ES256",state="active"}'] == 1
    assert counted['grantd_client_secrets{ends="longer"}'] == 1
    assert counted['grantd_client_secrets{ends="7d"}'] == 1
    assert 'grantd_signing_ends_timestamp_seconds{algorithm="ES256"} +Inf' in text


def _is_answering(grantd: GrantdProcess) -> bool:
    try:
        return grantd.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def watched(start_grantd: Callable[..., GrantdProcess]) -> tuple[GrantdProcess, Metrics]:
    """One that no test changes."""
    port = free_port()
    return start_grantd(settings={"admin": f"127.0.0.1:{port}"}), Metrics(port)


def test_there_is_nothing_else_and_nothing_on_the_other_listeners(
    watched: tuple[GrantdProcess, Metrics],
) -> None:
    """What it listens on is for Prometheus, what clients reach has no metrics."""
    grantd, metrics = watched

    assert metrics.get("/").status_code == 404
    assert httpx.post(f"{metrics.url}/metrics", trust_env=False).status_code == 404
    assert grantd.get("/metrics").status_code == 404


def test_a_taken_address_is_refused_in_one_line(watched: tuple[GrantdProcess, Metrics]) -> None:
    grantd, _ = watched
    done = grantd.run(
        "serve",
        environment={
            "GRANTD_HTTP": f"127.0.0.1:{free_port()}",
            "GRANTD_GRPC": "off",
            "GRANTD_ADMIN": f"127.0.0.1:{grantd.http_port}",
        },
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"grantd: cannot listen on 127.0.0.1:{grantd.http_port}: Address already in use"
    ]
