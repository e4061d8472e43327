"""The packages lie flat; these rails keep that sound."""

from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
TOP_LEVEL = ("domain", "adapters", "entrypoints", "grantd")


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_a_top_level_name_belongs_to_grantd_alone(name: str) -> None:
    """No other installed distribution brings a package of that name."""
    assert set(packages_distributions().get(name, [])) <= {"grantd"}


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_a_top_level_name_is_imported_from_grantd(name: str) -> None:
    """From one place: what was installed, or the tree if that is what was installed."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations is not None

    [place] = map(Path, spec.submodule_search_locations)

    installed = Path(str(distribution("grantd").locate_file(name)))
    assert place in {installed, ROOT / "src" / name}


def test_grantd_is_never_uploaded() -> None:
    """It is an application; nobody shall find `domain` in a package index."""
    classifiers = distribution("grantd").metadata.get_all("Classifier") or []

    assert "Private :: Do Not Upload" in classifiers


def test_tests_are_no_packages() -> None:
    """With import mode importlib, two test files may have one name."""
    assert list(TESTS.rglob("__init__.py")) == []


def test_no_test_folder_bears_a_top_level_name() -> None:
    """One would shadow the package as soon as its parent is on the path."""
    folders = {part for file in TESTS.rglob("*.py") for part in file.relative_to(TESTS).parts}

    assert folders.isdisjoint(TOP_LEVEL[:3])
