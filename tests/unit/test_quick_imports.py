"""What importing in haste leaves behind: nothing but what was imported."""

import gc
import sys
from importlib import import_module

import pytest

from entrypoints.quick_imports import importing_quickly


@pytest.fixture
def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("without_rich")
def test_rich_is_not_there_within_and_is_afterwards() -> None:
    """Tables for people are made by it later in the same process."""
    with importing_quickly(without=["rich"]), pytest.raises(ModuleNotFoundError):
        import_module("rich")

    assert import_module("rich.table")


def test_rich_stays_if_it_was_there() -> None:
    there = import_module("rich")
    with importing_quickly(without=["rich"]):
        assert import_module("rich") is there

    assert import_module("rich") is there


@pytest.mark.usefixtures("without_rich")
def test_garbage_is_looked_for_again_even_after_a_failure() -> None:
    """A module that cannot be imported is an error of one command, not the end of the process."""

    def begin() -> None:
        with importing_quickly(without=["rich"]):
            assert not gc.isenabled()
            import_module("no_such_module_of_ours")

    with pytest.raises(ModuleNotFoundError):
        begin()

    assert gc.isenabled()
    assert sys.modules.get("rich", "away") == "away"
