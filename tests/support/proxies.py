"""Real proxies, run with the files under conf/proxies with only names and places replaced."""

import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import trustme

from support.polling import wait_until

_FILES = Path(__file__).parents[2] / "conf" / "proxies"
_STOP_WITHIN = 20.0
_NGINX = "nginx"

PROXY_ADDRESS: Final = "127.0.0.53"
"""Where the proxies come from; whoever else comes from this machine comes from elsewhere."""

_NGINX_MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_bind {address};
    grpc_bind {address};
    include {folder}/grantd.conf;
}}
"""

_ENVOY_REST = """
cluster_manager:
  upstream_bind_config:
    source_address: {{address: {address}, port_value: 0}}
"""


class Certificates:
    """What TLS of a test needs: an authority, and a certificate of loopback."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        self.ca = folder / "ca.pem"
        self.certificate = folder / "certificate.pem"
        self.key = folder / "certificate.key"
        authority.cert_pem.write_to_path(str(self.ca))
        issued.private_key_pem.write_to_path(str(self.key))
        for part in issued.cert_chain_pems:
            part.write_to_path(str(self.certificate), append=True)
        self.context = ssl.create_default_context(cafile=str(self.ca))


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The ports behind a proxy."""

    http: Sequence[int]
    grpc: int
    tenant: int


class Proxy:
    """A proxy of this machine on one port, TLS and all. It ends with its process."""

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self._port = port
        self._log = log
        wait_until(self._accepts)

    def _accepts(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_WITHIN)
        finally:
            self._process.kill()
            self._process.wait()


def start_nginx(
    folder: Path, certificates: Certificates, port: int, behind: Upstreams, *, strips: bool = False
) -> Proxy:
    """Start nginx, which takes the path of an issuer away if it *strips*."""
    servers = "\n    ".join(f"server 127.0.0.1:{http};" for http in behind.http)
    places = {
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        "/etc/nginx/id.example.com.pem": str(certificates.certificate),
        "/etc/nginx/id.example.com.key": str(certificates.key),
        "server 127.0.0.1:8080;": servers,
        "server 127.0.0.1:50051;": f"server 127.0.0.1:{behind.grpc};",
        "server 127.0.0.1:8090;": f"server 127.0.0.1:{behind.tenant};",
    }
    if strips:
        places["# rewrite "] = "rewrite "
    (folder / "grantd.conf").write_text(_replaced(_FILES / "nginx.conf", places))
    user = "user root;" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(_NGINX_MAIN.format(folder=folder, user=user, address=PROXY_ADDRESS))
    command = [_NGINX, "-p", str(folder), "-c", str(main), "-e", str(folder / "error.log")]
    return Proxy(command, port, folder / "nginx.log")


def start_envoy(folder: Path, certificates: Certificates, port: int, behind: Upstreams) -> Proxy:
    """Start Envoy."""
    endpoint = "- endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {}}}}}}}"
    place = "\n              ".join(endpoint.format(http) for http in behind.http)
    places = {
        "{address: 0.0.0.0, port_value: 443}": f"{{address: 127.0.0.1, port_value: {port}}}",
        "/etc/envoy/id.example.com.pem": str(certificates.certificate),
        "/etc/envoy/id.example.com.key": str(certificates.key),
        endpoint.format(8080): place,
        "port_value: 50051": f"port_value: {behind.grpc}",
        "port_value: 8090": f"port_value: {behind.tenant}",
    }
    file = folder / "envoy.yaml"
    rest = _ENVOY_REST.format(address=PROXY_ADDRESS)
    file.write_text(_replaced(_FILES / "envoy.yaml", places) + rest)
    program = str(files("envoy") / "_bin" / "envoy")
    options = ["--concurrency", "1", "--log-level", "warning", "--use-dynamic-base-id"]
    return Proxy([program, "-c", str(file), *options], port, folder / "envoy.log")


def _replaced(file: Path, places: Mapping[str, str]) -> str:
    text = file.read_text()
    for written, meant in places.items():
        assert written in text, f"{file.name} has no {written}"
        text = text.replace(written, meant)
    return text
