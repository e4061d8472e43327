"""The manual and the full example say what the settings class says."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from entrypoints.settings import Settings, expected

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "conf" / "grantd.full.toml"
COMMENTED_OUT = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GRANTD_")]:
        monkeypatch.delenv(name)


def test_the_generated_files_are_in_step() -> None:
    """Whoever changes a setting writes them anew."""
    script = ROOT / "scripts" / "build_configuration_doc.py"
    done = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_full_example_is_the_defaults() -> None:
    """Taken as it stands, it changes nothing."""
    assert Settings.load({"config": EXAMPLE}) == Settings()


def test_the_full_example_mentions_every_setting() -> None:
    """And what it has commented out can be put in as it stands."""
    full = tomllib.loads(COMMENTED_OUT.sub("", EXAMPLE.read_text(encoding="utf-8")))
    assert full.keys() == Settings.model_fields.keys()
    Settings.model_validate(full)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_described(name: str) -> None:
    """With a sentence, a form, and a default or an example."""
    field = Settings.model_fields[name]
    assert (field.description or "").endswith(".")
    assert expected(name).form
    assert field.examples or field.get_default() is not None
