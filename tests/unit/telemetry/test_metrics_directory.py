"""Where processes count, and what killed ones leave of it."""

from pathlib import Path

import pytest

from adapters.telemetry.metrics_directory import metrics_directory


@pytest.fixture(autouse=True)
def _temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_a_directory_is_there_as_long_as_its_supervisor(tmp_path: Path) -> None:
    """Another supervisor that starts meanwhile leaves it alone."""
    with metrics_directory() as first:
        (first / "counter_1.db").touch()
        with metrics_directory() as second:
            assert {first, second} == set(tmp_path.iterdir())
        assert (first / "counter_1.db").exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_supervisor_left_is_removed(tmp_path: Path) -> None:
    """Nobody holds its lock any more. What was never locked is not known to be of no use."""
    for name in ("grantd-metrics-killed", "grantd-metrics-strange", "grantd-else"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "counter_1.db").touch()
    (tmp_path / "grantd-metrics-killed" / "held").touch()
    (tmp_path / "grantd-else" / "held").touch()

    with metrics_directory() as directory:
        left = {directory, tmp_path / "grantd-metrics-strange", tmp_path / "grantd-else"}
        assert set(tmp_path.iterdir()) == left
