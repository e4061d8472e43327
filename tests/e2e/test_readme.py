"""What README.md says, run as it stands there but for the two addresses."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from support.free_ports import free_port
from support.grantd_process import GRANTD

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
)
PROGRAMS: Mapping[str, tuple[str, ...]] = {"sh": ("sh", "-eu"), "python": (sys.executable, "-")}

USUAL_HTTP = "127.0.0.1:8080"
USUAL_GRPC = "127.0.0.1:50051"

_START_WITHIN = 60.0


def block(text: str) -> tuple[str, str]:
    """Return language and text of the one block that holds *text*."""
    (found,) = [found for found in BLOCKS if text in found[1]]
    return found


@dataclass(frozen=True)
class MadeRun:
    """What `make run` starts, in a folder of its own."""

    folder: Path
    http: str
    grpc: str
    log: Path

    def run(self, *command: str, stdin: str) -> str:
        """Run a command in that folder, with an environment that says nothing of grantd."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type_in(self, language: str, text: str) -> str:
        here = text.replace(USUAL_HTTP, self.http).replace(USUAL_GRPC, self.grpc)
        return self.run(*PROGRAMS[language], stdin=here)

    def told_of(self, token: str) -> dict[str, Any]:
        """Return what the README's introspection says of a token."""
        language, text = block("/introspect")
        asks = next(line for line in text.splitlines() if line.endswith("/introspect"))
        told: dict[str, Any] = json.loads(self.type_in(language, f"TOKEN={token}\n{asks}\n"))
        return told

    def is_up(self) -> bool:
        try:
            if httpx.get(f"http://{self.http}/readyz", trust_env=False).status_code != 200:
                return False
            host, _, port = self.grpc.partition(":")
            socket.create_connection((host, int(port)), timeout=1).close()
        except (httpx.HTTPError, OSError):
            return False
        return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for both stores: the second start meets what the first one left."""
    return tmp_path_factory.mktemp("clone")


@pytest.fixture(scope="module")
def made_run(folder: Path, store: str, redis_database: Callable[[], str]) -> Iterator[MadeRun]:
    made = MadeRun(
        folder, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}", folder / f"{store}.log"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "GRANTD_HTTP": made.http,
        "GRANTD_GRPC": made.grpc,
        "GRANTD_ADMIN": "off",
        **({"GRANTD_STORE": redis_database()} if store == "redis" else {}),
    }
    with (
        made.log.open("wb") as log,
        subprocess.Popen(
            [ROOT / "scripts" / "run", GRANTD],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _START_WITHIN
            while not made.is_up():
                assert process.poll() is None, made.log.read_text()
                assert time.monotonic() < deadline, made.log.read_text()
                time.sleep(0.05)
            yield made
            os.killpg(process.pid, signal.SIGINT)  # Control-C, as a person stops it
            assert process.wait(40) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def test_two_commands_set_everything_up() -> None:
    """`make run` and `make test`, and make knows both; the fault suite is a third for who wants."""
    typed = [
        line.partition("#")[0].strip()
        for _, text in BLOCKS
        for line in text.splitlines()
        if line.startswith("make")
    ]
    assert typed == ["make run", "make test", "make test-faults"]
    helped = make("help")
    for command, step in (
        ("run", "scripts/run .venv/bin/grantd"),
        ("test", "-m pytest"),
        ("test-faults", "-m pytest tests/faults"),
    ):
        assert re.search(rf"^{command} ", helped, re.MULTILINE)
        assert step in make("-n", command)


def test_the_addresses_are_those_of_a_server_without_settings(tmp_path: Path) -> None:
    """What the README shows works for who sets nothing."""
    shown = subprocess.run(
        [GRANTD, "config", "show", "--json"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )
    settings = json.loads(shown.stdout)
    assert (settings["http"], settings["grpc"]) == (USUAL_HTTP, USUAL_GRPC)


def test_the_line_that_make_run_prints_gives_a_jwt(made_run: MadeRun) -> None:
    """Pasted as it is. `grantd token decode` and PyJWT agree on what it says."""
    (line,) = re.findall(r"^  (curl .*demo\.secret.*)$", made_run.log.read_text(), re.MULTILINE)
    token = json.loads(made_run.run("sh", stdin=line))["access_token"]

    decoded = json.loads(made_run.run(GRANTD, "token", "decode", "--json", stdin=token))
    assert decoded["claims"] == jwt.decode(token, options={"verify_signature": False})
    assert decoded["header"] == jwt.get_unverified_header(token)
    assert (decoded["claims"]["sub"], decoded["claims"]["scope"]) == ("demo", "hello")
    assert decoded["claims"]["iss"] == f"http://{made_run.http}"
    assert made_run.told_of(token)["active"] is True


def test_the_line_in_the_readme_is_the_one_that_make_run_prints(made_run: MadeRun) -> None:
    """But for the folder, which the printed one names in full."""
    (printed,) = re.findall(r"^  (curl .*demo\.secret.*)$", made_run.log.read_text(), re.MULTILINE)
    _, shown = next(found for found in BLOCKS if found[1].startswith("curl"))
    shorter = printed.replace(f"'{made_run.folder}/var/demo.secret'", "var/demo.secret")
    assert shorter == shown.strip().replace(USUAL_HTTP, made_run.http)


def test_the_introspection_in_the_readme_calls_the_token_active(made_run: MadeRun) -> None:
    """Both lines of it, from the secret to the answer."""
    told = json.loads(made_run.type_in(*block("/introspect")))
    assert (told["active"], told["client_id"], told["scope"]) == (True, "demo", "hello")


@pytest.mark.parametrize("with_what", ["OAuth2Session(", "TokenServiceStub("])
def test_the_programs_in_the_readme_print_a_good_token(made_run: MadeRun, with_what: str) -> None:
    """One with Authlib, one with the stubs of gRPC."""
    token = made_run.type_in(*block(with_what)).strip()
    assert made_run.told_of(token)["active"] is True


def test_every_block_of_the_readme_is_run_by_a_test_here() -> None:
    """A block that somebody adds needs a test too."""
    known = ("make run", "make test", "curl -u", "OAuth2Session(", "TokenServiceStub(")
    assert all(any(text in found for text in known) for _, found in BLOCKS)
    assert len(BLOCKS) == 6
    assert {language for language, _ in BLOCKS} == set(PROGRAMS)


def make(*arguments: str) -> str:
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
