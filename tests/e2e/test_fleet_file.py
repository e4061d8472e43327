"""What docker-compose.fleet.yml starts does start, and serves: every command line of it, here."""

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import yaml

from grantd.v1 import token_service_pb2 as messages
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.edges import NO_PROXY
from support.free_ports import free_port
from support.grantd_process import GRANTD, RegisteredClient
from support.grpc_calls import basic
from support.oauth_replies import granted, introspected
from support.polling import wait_until

ROOT = Path(__file__).resolve().parents[2]
FLEET = yaml.safe_load((ROOT / "docker-compose.fleet.yml").read_text(encoding="utf-8"))
CONFIGS = {
    name: (ROOT / config["file"]).read_text(encoding="utf-8")
    for name, config in FLEET["configs"].items()
}

_START_WITHIN = 60.0
_STOP_WITHIN = 40.0


class Fleet:
    """The services of the file on addresses of this machine, each in a folder of its own."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self._folder = folder
        self._running = running
        self._places = {
            "172.31.": f"127.{random.SystemRandom().randrange(1, 255)}.",
            "grantd-1:": "172.31.54.11:",
            "grantd-2:": "172.31.54.12:",
            "26379": str(free_port()),  # a Sentinel of this machine may listen on all addresses
        }
        self.environment = {"PATH": os.environ["PATH"]}

    def here(self, text: str, places: Mapping[str, str] = {}) -> str:
        """Return a text of the file as it has to be on this machine."""
        for there, here in {**places, **dict(reversed(self._places.items()))}.items():
            text = text.replace(there, here)
        return text

    def address(self, service: str) -> str:
        networks: Mapping[str, Any] = FLEET["services"][service]["networks"]
        [address] = [network["ipv4_address"] for network in networks.values()]
        return self.here(address)

    def start_redis(self, service: str) -> None:
        self._start_stored(service, "redis")

    def start_sentinel(self, service: str) -> None:
        """Start it as its shell does, which gives it a copy of the configuration to write into."""
        self._start_stored(service, "sentinel")

    def _start_stored(self, service: str, config: str) -> None:
        folder = self._folder / service
        folder.mkdir()
        given = folder / "given.conf"
        places = {f"/etc/{config}.conf": str(given), "/data": str(folder)}
        own = f"bind {self.address(service)}\nbind-source-addr {self.address(service)}\n"
        given.write_text(own + self.here(CONFIGS[config], places))
        command = FLEET["services"][service]["command"]
        self._run([self.here(word, places) for word in command], folder)

    def has_replicas(self, service: str) -> bool:
        """Whether it may take writes, by its configuration."""
        told = self.run("redis-cli", "-h", self.address(service), "info", "replication")
        return "min_slaves_good_slaves:2" in told

    def start_grantd(self, service: str, address: str) -> None:
        folder = self._folder / service
        folder.mkdir()
        key = self._folder / "master.key"
        places = {"0.0.0.0": address, "/run/secrets/master_key": str(key)}  # noqa: S104  (to be replaced)
        given: Mapping[str, str] = FLEET["services"][service]["environment"]
        self.environment |= {name: self.here(value, places) for name, value in given.items()}
        self.run(GRANTD, "master-key", "new", str(key))
        self._run([GRANTD, "serve"], folder)

    def start_nginx(self) -> None:
        folder = self._folder / "nginx"
        folder.mkdir()
        own = self.address("nginx")
        places = {
            "/tmp/": f"{folder}/",  # noqa: S108  (the container's)
            "listen ": f"listen {own}:",
            "\nhttp {": f"\nhttp {{ proxy_bind {own}; grpc_bind {own};",
            "worker_processes auto;": "worker_processes 1; daemon off;",
        }
        if os.geteuid() == 0:
            places["events {"] = "user root; events {"
        path = folder / "nginx.conf"
        path.write_text(self.here(CONFIGS["nginx"], places))
        self._run(
            ["nginx", "-p", str(folder), "-c", str(path), "-e", f"{folder}/error.log"], folder
        )

    def is_healthy(self, service: str) -> bool:
        """Ask as the file has it asked."""
        program, *rest = FLEET["services"][service]["healthcheck"]["test"][1:]
        if program == "redis-cli":
            rest = ["-h", self.address(service), *map(self.here, rest)]
        else:
            rest = [word.replace("127.0.0.1", self.address(service)) for word in rest]
        return subprocess.run([program, *rest], capture_output=True, check=False).returncode == 0

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, command: Sequence[str], folder: Path) -> None:
        program = shutil.which(command[0])
        assert program is not None, command[0]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, *command[1:]],
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._running.callback(self._stop, process)

    def _stop(self, process: "subprocess.Popen[bytes]") -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_WITHIN)
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as running:
        yield Fleet(tmp_path, running)


def test_the_fleet_of_the_file_serves(fleet: Fleet) -> None:
    """Every kind of service, with one of the two grantd away; nginx finds the other."""
    stores = [name for name in FLEET["services"] if name.startswith(("redis", "sentinel"))]
    for name in stores:
        if name.startswith("redis"):
            fleet.start_redis(name)
            wait_until(lambda name=name: fleet.is_healthy(name), within=_START_WITHIN)
    for name in stores:
        if name.startswith("sentinel"):
            fleet.start_sentinel(name)
    for name in stores:
        wait_until(lambda name=name: fleet.is_healthy(name), within=_START_WITHIN)
    wait_until(lambda: fleet.has_replicas("redis-0"), within=_START_WITHIN)
    fleet.start_grantd("grantd-2", fleet.here("172.31.54.12"))
    fleet.start_nginx()
    wait_until(lambda: fleet.is_healthy("nginx"), within=_START_WITHIN)

    made = fleet.run(GRANTD, "clients", "create", "--id", "demo", "--json")
    client = RegisteredClient("demo", yaml.safe_load(made)["client_secret"])
    with httpx.Client(
        base_url=f"http://{fleet.address('nginx')}:8080", auth=client.basic, trust_env=False
    ) as front:
        token = granted(front.post("/access_token", data={"grant_type": "client_credentials"}))
        question = {"token": token["access_token"]}
        assert introspected(front.post("/introspect", data=question))["active"]
        assert front.post("/revoke", data=question).status_code == 200
        assert not introspected(front.post("/introspect", data=question))["active"]
    with grpc.insecure_channel(f"{fleet.address('nginx')}:50051", NO_PROXY) as channel:
        issued = TokenServiceStub(channel).IssueToken(
            messages.IssueTokenRequest(grant_type="client_credentials"),
            metadata=basic(*client.basic),
        )
        assert issued.access_token
