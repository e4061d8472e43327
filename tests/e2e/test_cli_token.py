"""`grantd serve` as a person sees it, and `grantd token` as a client of it."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.transcripts import Step, play, require_one_line


@pytest.fixture(scope="module")
def grantd(start_grantd: Callable[..., GrantdProcess]) -> GrantdProcess:
    return start_grantd(grpc=True)


@pytest.fixture(scope="module")
def ledger(grantd: GrantdProcess) -> RegisteredClient:
    grantd.create_scopes("books.read", "books.write")
    return grantd.create_client(
        "ledger",
        *("--scope", "books.read books.write", "--default-scope", "books.read"),
        *("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token"),
    )


@pytest.fixture(scope="module")
def secret_file(grantd: GrantdProcess, ledger: RegisteredClient) -> Path:
    path = grantd.folder / "ledger.secret"
    path.write_text(f"{ledger.secret}\n", encoding="utf-8")
    return path


@pytest.fixture
def issued(grantd: GrantdProcess, secret_file: Path) -> dict[str, object]:
    reply = grantd.require(
        "token", "issue", "--client-id", "ledger", "--secret-file", str(secret_file)
    )
    assert isinstance(reply, dict)
    return reply


def test_serve_tells_what_it_serves_and_what_to_type_next(tmp_path: Path) -> None:
    """The printed command makes the first client, and the next start prints one for a token."""
    grantd = GrantdProcess(tmp_path).start()
    try:
        told = _wait_for_the_last_line(grantd)
        for fact in (grantd.issuer, f"127.0.0.1:{grantd.http_port}", grantd.grpc_target, "ES256"):
            assert fact in told
        command = re.search(r"^  grantd (clients create .*)$", told, re.MULTILINE)
        assert command is not None
        assert grantd.run(*command[1].split()).returncode == 0
    finally:
        assert grantd.stop() == 0
    grantd.log.unlink()
    grantd.start()
    try:
        told = _wait_for_the_last_line(grantd)
        assert f"-d grant_type=client_credentials {grantd.issuer}/access_token" in told
    finally:
        assert grantd.stop() == 0


def _wait_for_the_last_line(grantd: GrantdProcess) -> str:
    """It may accept connections a moment before it says so."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        told = grantd.log.read_text(encoding="utf-8")
        if re.search(r"^Next.*\n  .*\n", told, re.MULTILINE):
            return told
        time.sleep(0.02)
    raise AssertionError("it never said what to type next")


def test_a_token_is_issued_introspected_and_revoked(
    grantd: GrantdProcess, secret_file: Path, issued: dict[str, object]
) -> None:
    """The whole life of one, with nothing secret among the arguments."""
    caller = ["--client-id", "ledger", "--secret-file", str(secret_file)]
    token = f"{issued['access_token']}\n"
    play(
        grantd.run,
        Step(
            command=["token", "introspect", *caller],
            stdin=token,
            stdout=[r"^active +yes$", r"^client_id +ledger$"],
        ),
        Step(command=["token", "revoke", *caller], stdin=token, stderr=[r"it is revoked"]),
        Step(command=["token", "introspect", *caller], stdin=token, stdout=[r"^active +no$"]),
        Step(command=["token", "revoke", *caller], stdin=token, stderr=[r"it is revoked"]),
    )


def test_a_secret_may_come_from_standard_input(
    grantd: GrantdProcess, ledger: RegisteredClient
) -> None:
    """One line of it."""
    play(
        grantd.run,
        Step(
            command=["token", "issue", "--client-id", "ledger", "--scope", "books.write"],
            stdin=f"{ledger.secret}\n",
            stdout=[r"^access_token +ey", r"^scope +books\.write$"],
        ),
    )


def test_secret_and_token_cannot_both_come_from_standard_input(
    grantd: GrantdProcess, ledger: RegisteredClient
) -> None:
    """Wrong usage, told before anything is sent."""
    done = grantd.run("token", "introspect", "--client-id", "ledger", stdin=ledger.secret)
    assert done.returncode == 2
    require_one_line(done.stderr)


def test_a_refresh_token_is_traded_for_a_new_pair(
    grantd: GrantdProcess, secret_file: Path, issued: dict[str, object]
) -> None:
    """From a file, like every secret."""
    file = grantd.folder / "refresh.token"
    file.write_text(str(issued["refresh_token"]), encoding="utf-8")
    command = (
        *("token", "issue", "--client-id", "ledger", "--secret-file", str(secret_file)),
        *("--refresh-token-file", str(file)),
    )
    renewed = grantd.require(*command)
    assert renewed["refresh_token"] != issued["refresh_token"]
    done = grantd.run(*command)
    assert done.returncode == 1
    require_one_line(done.stderr)
    assert done.stderr.startswith("grantd: invalid_grant: ")


def test_a_token_is_decoded_here_and_proved_with_the_published_keys(
    grantd: GrantdProcess, issued: dict[str, object]
) -> None:
    """Without --verify nothing is asked and nothing is proved."""
    token = str(issued["access_token"])
    decoded = json.loads(grantd.run("token", "decode", "--json", stdin=token).stdout)
    assert (decoded["verified"], decoded["claims"]["client_id"]) == (False, "ledger")
    assert decoded["claims"]["iss"] == grantd.issuer
    play(
        grantd.run,
        Step(
            command=["token", "decode", "--verify", token],
            stdout=[r"^typ \(header\) +at\+jwt$", r"^client_id +ledger$"],
            stderr=[r"^Verified\.$"],
        ),
    )


@pytest.mark.parametrize("change", ["signature", "not a token"])
def test_a_token_that_is_not_good_is_refused(
    grantd: GrantdProcess, issued: dict[str, object], change: str
) -> None:
    """One line, which does not show it."""
    signed, _, signature = str(issued["access_token"]).rpartition(".")
    token = f"{signed}.{signature[::-1]}" if change == "signature" else "rubbish"
    done = grantd.run("token", "decode", "--verify", stdin=token)
    assert (done.returncode, done.stdout) == (1, "")
    require_one_line(done.stderr)
    assert token not in done.stderr


def test_a_refusal_of_the_server_is_one_line(grantd: GrantdProcess, secret_file: Path) -> None:
    """Its code, its sentence, its hint."""
    command = ["token", "issue", "--client-id", "ledger", "--secret-file", str(secret_file)]
    play(
        grantd.run,
        Step(
            command=[*command, "--scope", "books.burn"],
            status=1,
            stderr=[r"^grantd: invalid_scope: .*books\.burn"],
        ),
        Step(
            command=["token", "issue", "--client-id", "ledger"],
            stdin="wrong\n",
            status=1,
            stderr=[r"^grantd: invalid_client: Client authentication failed\."],
        ),
        Step(
            command=[*command, "--server", "http://127.0.0.1:9"],
            status=3,
            stderr=[r"^grantd: .*127\.0\.0\.1:9: Connection refused"],
        ),
    )


def test_doctor_beside_a_running_server_warns_of_the_ports_only(grantd: GrantdProcess) -> None:
    """They are its own."""
    verdicts = {check["subject"]: check["verdict"] for check in grantd.require("doctor")}
    assert {name for name, verdict in verdicts.items() if verdict != "ok"} == {"http", "grpc"}
