#!/usr/bin/env python3
"""Generate the stubs under src/ from the contracts under proto/.

`--write` replaces the committed stubs; `--check` leaves them alone and fails
if they are out of step. Both generate into a folder of their own first, so a
broken contract changes nothing.
"""

import argparse
import difflib
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]  # it ships no types

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
SRC = ROOT / "src"
STUBS = ("grantd/**/*_pb2.py", "grantd/**/*_pb2.pyi", "grantd/**/*_pb2_grpc.py")
SHOWN = 20  # lines of a difference: enough to recognise the change


def generate(into: Path) -> None:
    """Run the protocol compiler over every contract."""
    contracts = sorted(str(path) for path in PROTO.rglob("*.proto"))
    outputs = [f"--{kind}_out={into}" for kind in ("python", "pyi", "grpc_python")]
    well_known = resources.files("grpc_tools") / "_proto"
    if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *outputs, *contracts]) != 0:
        sys.exit("build_protos: the contracts do not compile")


def read(folder: Path) -> dict[Path, str]:
    """Read the stubs under a folder, by their path within it."""
    return {
        path.relative_to(folder): path.read_text(encoding="utf-8")
        for pattern in STUBS
        for path in folder.glob(pattern)
    }


def differences(committed: dict[Path, str], fresh: dict[Path, str]) -> Iterator[str]:
    """Tell, stub by stub, what a regeneration would change."""
    for path in sorted(committed.keys() | fresh.keys()):
        if path not in fresh:
            yield f"src/{path}: no contract has it any more"
        elif path not in committed:
            yield f"src/{path}: missing"
        elif committed[path] != fresh[path]:
            change = difflib.unified_diff(
                committed[path].splitlines(),
                fresh[path].splitlines(),
                "committed",
                "generated",
                n=0,
                lineterm="",
            )
            yield "\n  ".join([f"src/{path}: out of step", *list(change)[:SHOWN]])


def write(committed: dict[Path, str], fresh: dict[Path, str]) -> None:
    """Make the committed stubs equal to the fresh ones."""
    for path in committed.keys() - fresh.keys():
        (SRC / path).unlink()
    for path, text in fresh.items():
        target = SRC / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def main() -> None:
    """Write the stubs, or check them."""
    parser = argparse.ArgumentParser(description="Generate the gRPC stubs from proto/.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="replace the committed stubs")
    action.add_argument("--check", action="store_true", help="fail if they are out of step")
    chosen = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = read(Path(folder))
    committed = read(SRC)

    if chosen.write:
        write(committed, fresh)
    elif found := list(differences(committed, fresh)):
        sys.exit("\n".join([*found, "build_protos: run `make protos` and commit the result"]))


if __name__ == "__main__":
    main()
