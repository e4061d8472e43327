"""The health check of the image, as a container engine runs it."""

import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme

from support.free_ports import free_port


@contextmanager
def answering(status: int, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answer `GET /readyz`, and yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(b"told")

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def check(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.healthcheck"],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_a_container_is_as_healthy_as_it_is_ready(status: int, expected: int) -> None:
    """The engine is shown what the server told."""
    with answering(status) as port:
        done = check({"GRANTD_HTTP": f"0.0.0.0:{port}"})

    assert (done.returncode, done.stdout) == (expected, "told")


def test_a_container_that_serves_tls_is_asked_over_tls(tmp_path: Path) -> None:
    """Whatever name its certificate is for."""
    certificate = tmp_path / "tls.pem"
    issued = trustme.CA().issue_cert("id.example.com")
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)

    with answering(200, tls) as port:
        settings = {"GRANTD_HTTP_CERTIFICATE_FILE": str(certificate)}
        done = check({"GRANTD_HTTP": f"0.0.0.0:{port}", **settings})

    assert (done.returncode, done.stdout) == (0, "told")


def test_a_container_that_does_not_answer_is_not_healthy() -> None:
    """The engine is shown why."""
    done = check({"GRANTD_HTTP": f"0.0.0.0:{free_port()}"})

    assert done.returncode == 1
    assert "ConnectionRefusedError" in done.stderr


def test_a_container_without_http_is_not_healthy() -> None:
    """There is nobody to ask."""
    done = check({"GRANTD_HTTP": "off"})

    assert done.returncode == 1
    assert "HTTP is off" in done.stderr
