"""`docs/threat-model.md` says nothing of tests and code that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
SOURCES = ROOT / "src"

_TEST = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)
_NAMED = re.compile(r"`(test_\w+)`")
_REVEALS = re.compile(r"\.reveal\(")


def existing_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for file in files for name in _TEST.findall(file.read_text())}


def section(heading: str) -> str:
    """Return the text under a heading of the page."""
    _, _, rest = PAGE.partition(f"\n## {heading}\n")
    assert rest, heading
    return rest.partition("\n## ")[0]


def test_every_test_that_the_threat_model_names_exists() -> None:
    """An answer whose test was renamed or dropped is an answer no more."""
    named = set(_NAMED.findall(PAGE))

    assert named
    assert named <= existing_tests()


def test_every_section_of_the_two_best_current_practices_is_read() -> None:
    """RFC 9700 §2.1 to §2.6 and §4.1 to §4.17, RFC 8725 §3.1 to §3.12."""
    rows = {
        "RFC 9700, section by section": [
            *(f"2.{number}" for number in range(1, 7)),
            *(f"4.{number}" for number in range(1, 18)),
        ],
        "RFC 8725, section by section": [f"3.{number}" for number in range(1, 13)],
    }
    for heading, sections in rows.items():
        assert re.findall(r"^\| §([\d.]+) ", section(heading), re.MULTILINE) == sections


def test_secrets_are_revealed_where_the_threat_model_says_and_nowhere_else() -> None:
    """Each file, and how often it asks a secret for its text."""
    revealing = {
        str(file.relative_to(SOURCES)): len(_REVEALS.findall(file.read_text()))
        for file in SOURCES.rglob("*.py")
    }

    rows = re.findall(
        r"^\| `([\w/.]+)` \| (\d+) \|", section("Where secrets are in the clear"), re.MULTILINE
    )
    assert {file: int(count) for file, count in rows} == {
        file: count for file, count in revealing.items() if count
    }
