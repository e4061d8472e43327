"""Which tests prove which row of the conformance matrix, and how they ended.

A test that proves a row bears the row's id in its name. As a pytest plugin
this writes what a full run found to build/conformance.json, from which
scripts/build_conformance_page.py makes the page.
"""

import ast
import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
MATRIX = TESTS / "vectors" / "conformance_rows.tsv"
RESULTS = ROOT / "build" / "conformance.json"

_ROW_IDS = re.compile(r"(?<![A-Z])([A-Z]{3})_(\d{3})(?!\d)")
_STORE = "store"
_PROVES = "proves"


@dataclass(frozen=True, slots=True, order=True)
class WrittenTest:
    """A test function, however often it is run."""

    file: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """What a run says of a row.

    Attributes:
        store: On which store it ran, or nothing if the test uses none of both.
    """

    row: str
    file: str
    test: str
    store: str


def rows_of(name: str) -> tuple[str, ...]:
    """Return the ids that the name of a test bears: `test_TOK_005_…` proves TOK-005."""
    return tuple(f"{group}-{number}" for group, number in _ROW_IDS.findall(name))


def matrix() -> tuple[str, ...]:
    """Return the ids of all rows, in the order of the matrix."""
    with MATRIX.open(encoding="utf-8", newline="") as file:
        return tuple(row["id"] for row in csv.DictReader(file, delimiter="\t"))


@cache
def written_tests() -> Mapping[str, frozenset[WrittenTest]]:
    """Return the tests of each row, as they are written under tests/e2e."""
    found: defaultdict[str, set[WrittenTest]] = defaultdict(set)
    for path in sorted(TESTS.glob("e2e/**/test_*.py")):
        for name in _functions(path):
            for row in rows_of(name):
                found[row].add(WrittenTest(path.relative_to(ROOT).as_posix(), name))
    return {row: frozenset(tests) for row, tests in found.items()}


def _functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


class ConformanceRun:
    """Gathers the outcomes of the tests that bear a row's id.

    A test takes its proofs along as a property of its report, so that they
    come back from whichever process ran it.
    """

    def __init__(self) -> None:
        self._outcomes: dict[Proof, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if isinstance(item, pytest.Function):
                item.user_properties += [(_PROVES, asdict(proof)) for proof in _proofs(item)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, proves in report.user_properties:
            if name != _PROVES:
                continue
            proof = Proof(**proves)  # type: ignore[arg-type]  # written above
            if report.outcome != "passed":
                self._outcomes[proof] = "failed"
            elif report.when == "call":
                self._outcomes.setdefault(proof, "passed")

    def pytest_sessionfinish(self) -> None:
        """Write what was found, if nothing that is written was left out."""
        seen = {(proof.row, WrittenTest(proof.file, proof.test)) for proof in self._outcomes}
        if seen >= {(row, test) for row, tests in written_tests().items() for test in tests}:
            found = [
                {**asdict(proof), "outcome": outcome}
                for proof, outcome in sorted(self._outcomes.items())
            ]
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _proofs(item: pytest.Function) -> Iterator[Proof]:
    file = item.path.relative_to(ROOT).as_posix()
    callspec = getattr(item, "callspec", None)
    store = str(callspec.params.get(_STORE, "")) if callspec is not None else ""
    for row in rows_of(item.originalname):
        yield Proof(row, file, item.originalname, store)
