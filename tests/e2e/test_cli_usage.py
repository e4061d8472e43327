"""Settings, help, exit statuses: what every command shares."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.free_ports import free_port
from support.grantd_process import GRANTD, GrantdProcess
from support.transcripts import Step, play, require_one_line

SECRET = "hunter2hunter2"


@pytest.fixture
def grantd(tmp_path: Path) -> GrantdProcess:
    return GrantdProcess(tmp_path)


def test_help_and_version_are_there(grantd: GrantdProcess) -> None:
    """For the program and for every noun and verb."""
    play(
        grantd.run,
        Step(command=["--version"], stdout=[r"^grantd \d+\.\d+\.\d+"]),
        Step(command=["--help"], stdout=[r"serve", r"doctor", r"clients", r"config"]),
        Step(command=["serve", "--help"], stdout=[r"--http", r"--grpc", r"--workers"]),
        Step(
            command=["clients", "create", "--help"], stdout=[r"--issue-refresh-token", r"--store"]
        ),
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("serve --stroe x", r"No such option: --stroe .*--store"),
        ("clint list", r"No such command 'clint'.*clients"),
        ("clients show", r"Missing argument"),
        ("clients create --grant device_code", r"Invalid value for '--grant'"),
        ("clients create --access-token-ttl 1y", r"not a duration"),
        ("clients create --scope a--b  c", r"unexpected extra argument"),
        ("serve --http nonsense", r"^grantd: --http: .* HOST:PORT or off"),
        ("serve --http off --grpc off --issuer https://a.example", r"nothing would be served"),
        ("clients list --store mysql://h/x", r"^grantd: --store: .* sqlite:///FILE"),
        ("token issue --client-id a --server ftp://h", r"--server has to be an http or https URL"),
    ],
)
def test_wrong_usage_is_exit_status_2(grantd: GrantdProcess, command: str, said: str) -> None:
    """One line that says what was meant, if that can be told."""
    done = grantd.run(*command.split(), stdin="secret\n")
    assert (done.returncode, done.stdout) == (2, "")
    require_one_line(done.stderr)
    assert re.search(said, done.stderr), done.stderr


def test_a_wrong_configuration_is_exit_status_1_and_a_line_per_problem(
    grantd: GrantdProcess,
) -> None:
    """Nothing was typed wrongly; no value is shown."""
    file = grantd.folder / "grantd.toml"
    file.write_text(f'stroe = "x"\nlog_level = "{SECRET}"\n', encoding="utf-8")
    done = grantd.run("config", "check", "--config", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert sorted(done.stderr.splitlines()) == [
        "grantd: log_level: a text of 14 characters; it has to be debug, info, warning or error",
        "grantd: stroe is not a setting; did you mean store?",
    ]


def test_config_check_says_that_the_settings_hold(grantd: GrantdProcess) -> None:
    """Without opening anything."""
    play(grantd.run, Step(command=["config", "check"], stderr=[r"The settings hold"]))
    assert list(grantd.folder.iterdir()) == []


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "128.0.0.0/1", "2000::/3"])
def test_config_check_warns_of_trusting_the_world(grantd: GrantdProcess, network: str) -> None:
    """Anybody could then choose the address that limits and audit trail know it by."""
    done = grantd.run("config", "check", "--trusted-proxies", network, "--json")
    assert done.returncode == 0
    (warning,) = json.loads(done.stdout)["warnings"]
    assert network in warning
    assert f"grantd: warning: {warning}" in done.stderr


@pytest.mark.parametrize("network", ["10.0.0.0/8", "fc00::/7", "203.0.113.0/24", "2400:cb00::/32"])
def test_config_check_does_not_warn_of_networks_that_proxies_have(
    grantd: GrantdProcess, network: str
) -> None:
    """Private ones, and those of a provider."""
    done = grantd.run("config", "check", "--trusted-proxies", network, "--json")
    assert json.loads(done.stdout)["warnings"] == []


def test_config_show_tells_what_is_in_force(grantd: GrantdProcess) -> None:
    """Flag before variable before file before default."""
    file = grantd.folder / "grantd.toml"
    file.write_text('http = "127.0.0.1:1"\nworkers = 2\nlog_level = "error"\n', encoding="utf-8")
    shown = json.loads(
        grantd.run("config", "show", "--config", str(file), "--workers", "3", "--json").stdout
    )
    assert shown["http"] == f"127.0.0.1:{grantd.http_port}"
    assert (shown["workers"], shown["log_level"], shown["log_format"]) == (3, "error", "auto")
    play(
        grantd.run,
        Step(
            command=["config", "show", "--grant-access-token-ttl", "client_credentials=90s"],
            stdout=[r"SETTING +VALUE", r"grant_access_token_ttl +client_credentials=90s"],
        ),
    )


def test_an_unknown_variable_is_a_warning(grantd: GrantdProcess) -> None:
    """Orchestrators put some there."""
    done = grantd.run("config", "check", environment={"GRANTD_STROE": SECRET})
    assert done.returncode == 0
    assert "warning: GRANTD_STROE sets nothing; did you mean GRANTD_STORE?" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("command", ["clients list", "scopes list", "keys list", "serve", "doctor"])
def test_a_store_that_is_down_is_exit_status_3(grantd: GrantdProcess, command: str) -> None:
    """It says which, and nobody waits long for it."""
    flags = ("--store", f"redis://127.0.0.1:{free_port()}/0")
    done = grantd.run(*command.split(), *flags)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_redis_without_a_master_key_is_refused_with_how_to_make_one(
    grantd: GrantdProcess, redis_database: Callable[[], str]
) -> None:
    """One line, exit status 1."""
    done = grantd.run("clients", "list", "--store", redis_database())
    assert done.returncode == 1
    require_one_line(done.stderr)
    assert "grantd master-key new master.key" in done.stderr


def test_a_database_without_its_key_file_is_refused(grantd: GrantdProcess) -> None:
    """One line, and nothing is made anew."""
    grantd.require("clients", "create", "--id", "a")
    key = grantd.folder / "grantd.db.key"
    kept = key.read_bytes()
    key.unlink()
    done = grantd.run("clients", "list")
    assert (done.returncode, done.stdout) == (1, "")
    require_one_line(done.stderr)
    assert "grantd.db.key is missing" in done.stderr
    assert not key.exists()
    key.write_bytes(kept)
    assert len(grantd.require("clients", "list")) == 1


class TestDoctor:
    def test_it_finds_nothing_wrong_before_the_first_start(self, grantd: GrantdProcess) -> None:
        """And it makes nothing."""
        checks = grantd.require("doctor")
        assert {check["verdict"] for check in checks} == {"ok"}
        assert list(grantd.folder.iterdir()) == []

    def test_it_looks_at_everything_afterwards(self, grantd: GrantdProcess) -> None:
        """A table that a person can act on."""
        grantd.require("keys", "list")
        play(
            grantd.run,
            Step(
                command=["doctor"],
                stdout=[
                    r"SUBJECT +VERDICT +FINDING",
                    r"^settings +ok",
                    r"^master key +ok",
                    r"^sqlite +ok",
                    r"^keys +ok .*ES256",
                    r"^clock +ok",
                    r"^http +ok .*is free",
                    r"^grpc +ok .*is free",
                ],
            ),
        )

    def test_it_warns_of_a_master_key_that_others_can_read(self, grantd: GrantdProcess) -> None:
        """With the command that mends it."""
        grantd.require("keys", "list")
        (grantd.folder / "grantd.db.key").chmod(0o644)
        play(
            grantd.run,
            Step(command=["doctor"], stdout=[r"^master key +warning .*0644", r"^ +-> chmod 600 "]),
        )

    def test_a_missing_master_key_is_an_error(self, grantd: GrantdProcess) -> None:
        """Exit status 1."""
        grantd.require("keys", "list")
        (grantd.folder / "grantd.db.key").unlink()
        play(
            grantd.run,
            Step(command=["doctor"], status=1, stdout=[r"^master key +error", r"^store +error"]),
        )

    @pytest.mark.parametrize(("required", "verdict"), [("false", "warning"), ("true", "error")])
    def test_a_place_of_the_audit_trail_that_cannot_be_written_is_found(
        self, grantd: GrantdProcess, required: str, verdict: str
    ) -> None:
        """It keeps the service from working only if the trail is required."""
        places = {"GRANTD_AUDIT_LOG": "./gone/audit.jsonl", "GRANTD_AUDIT_REQUIRED": required}
        grantd.environment |= places
        play(
            grantd.run,
            Step(
                command=["doctor"],
                status=int(verdict == "error"),
                stdout=[rf"^audit trail +{verdict} +gone/audit.jsonl cannot be written"],
            ),
        )


def test_interrupting_a_command_is_exit_status_130(grantd: GrantdProcess) -> None:
    """As a shell has it, and without a traceback."""
    process = subprocess.Popen(
        [GRANTD, "clients", "create", "--secret-file", "-"],
        cwd=grantd.folder,
        env=grantd.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        _wait_until_it_reads(process.pid)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in stderr


def _wait_until_it_reads(pid: int) -> None:
    waiting = Path(f"/proc/{pid}/wchan")
    deadline = time.monotonic() + 20
    while "pipe" not in waiting.read_text(encoding="ascii") and time.monotonic() < deadline:
        time.sleep(0.05)
