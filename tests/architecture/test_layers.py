"""The rules of traffic hold, and the tool that holds them would notice."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as f; f()"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sources and the contracts, to be broken."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts on the sources under *root*, whatever is installed."""
    return subprocess.run(
        [*CHECK, "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_contract_is_kept(copy: Path) -> None:
    """Entrypoints to adapters to domain, and never back."""
    checked = check(copy)

    assert checked.returncode == 0, checked.stdout
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    assert re.search(rf"{len(contracts)} kept, 0 broken", checked.stdout)


@pytest.mark.parametrize(
    ("file", "planted", "contract"),
    [
        ("domain/model/scopes.py", "import adapters.memory.clients", "Dependencies point inwards"),
        ("adapters/memory/clients.py", "import entrypoints.settings", "Dependencies point inwards"),
        (
            "domain/model/scopes.py",
            "import domain.ports.clock",
            "Inside the core: use cases, ports, model",
        ),
        (
            "domain/ports/clock.py",
            "import domain.usecases.issue_token",
            "Inside the core: use cases, ports, model",
        ),
        (
            "domain/usecases/issue_token.py",
            "import msgspec",
            "The core stands on the standard library alone",
        ),
        ("domain/model/keys.py", "import time", "The core does no I/O and owns no clock"),
        ("domain/model/keys.py", "import secrets", "The core does no I/O and owns no clock"),
        ("adapters/memory/clients.py", "import adapters.jose", "Adapters do not know each other"),
        (
            "adapters/memory/clients.py",
            "import grantd.v1.token_service_pb2",
            "Only the gRPC edge speaks protobuf",
        ),
        (
            "adapters/memory/clients.py",
            "import dependency_injector",
            "Only the container knows the container",
        ),
    ],
)
def test_a_planted_violation_is_caught(copy: Path, file: str, planted: str, contract: str) -> None:
    """The broken contract is named, and so are the importing module and the line."""
    broken = copy / "src" / file
    lines = broken.read_text(encoding="utf-8").count("\n")
    with broken.open("a", encoding="utf-8") as source:
        source.write(f"{planted}\n")

    checked = check(copy)

    module = file.removesuffix(".py").replace("/", ".")
    assert checked.returncode == 1, checked.stdout
    assert f"{contract} BROKEN" in checked.stdout
    assert re.search(rf"{re.escape(module)} -> .*\(l\.{lines + 1}\)", checked.stdout)
