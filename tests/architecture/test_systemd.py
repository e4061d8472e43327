"""The systemd unit is one that systemd takes, confines, and lets drain."""

import re
import subprocess
import tomllib
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from entrypoints.settings import Settings, unknown_variables
from entrypoints.supervisor import KILL_AFTER
from support.grantd_process import GRANTD

ROOT = Path(__file__).resolve().parents[2]
UNIT = (ROOT / "deploy/systemd/grantd.service").read_text(encoding="utf-8")
INSTALLED = "/opt/grantd/bin/grantd"

MOST_EXPOSURE = 12  # tenths; what is left is that it talks over the network


def analyze(folder: Path, unit: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd about a unit whose program is the one that is tested."""
    path = folder / "grantd.service"
    path.write_text(unit.replace(INSTALLED, GRANTD), encoding="utf-8")
    return subprocess.run(
        ["systemd-analyze", *arguments, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def directives() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE):
        found[name].append(value)
    return found


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """It finds nothing to warn of."""
    verified = analyze(tmp_path, UNIT, "verify", "--man=no")

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.parametrize(
    "misspelt", [UNIT.replace("ProtectHome=", "ProtectHouse="), UNIT.replace("@system-", "@")]
)
def test_systemd_catches_a_misspelt_switch(tmp_path: Path, misspelt: str) -> None:
    """The check above can fail."""
    verified = analyze(tmp_path, misspelt, "verify", "--man=no")

    assert misspelt != UNIT
    assert verified.stderr


def test_systemd_finds_the_service_confined(tmp_path: Path) -> None:
    """By its own measure, from 0 to 10."""
    judged = analyze(
        tmp_path, UNIT, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager"
    )

    assert judged.returncode == 0, judged.stdout
    assert "Overall exposure level" in judged.stdout


def test_systemd_lets_it_drain() -> None:
    """It waits for longer than a drain of the defaults takes, and tells the first process alone."""
    unit = directives()
    [wait] = unit["TimeoutStopSec"]
    usual = Settings()

    assert timedelta(seconds=int(wait.removesuffix("s"))) >= (
        usual.drain_delay + usual.shutdown_timeout + KILL_AFTER
    )
    assert unit["Type"] == ["notify"]
    assert unit["KillMode"] == ["mixed"]
    assert unit["ExecReload"] == ["kill -HUP $MAINPID"]


def test_what_it_is_told_is_something_that_grantd_takes() -> None:
    """Its arguments, its variables, and the file that is installed for it to change."""
    unit = directives()
    variables = dict(line.split("=", 1) for line in unit["Environment"])
    credentials = {f"%d/{line.partition(':')[0]}" for line in unit["LoadCredential"]}
    written = tomllib.loads((ROOT / "conf/grantd.full.toml").read_text(encoding="utf-8"))

    assert unit["ExecStart"] == [f"{INSTALLED} serve --config /etc/grantd/grantd.toml"]
    assert not list(unknown_variables(variables))
    assert set(variables.values()) == credentials
    assert not {f"GRANTD_{name.upper()}" for name in written} & variables.keys()
