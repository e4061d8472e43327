"""Where the audit trail goes is said once, and a slip of the pen makes no file."""

import os
from collections.abc import Mapping, Sequence

import pytest

from entrypoints.setting_problems import InvalidSettings
from entrypoints.settings import Settings

REDIS = {"store": "redis://127.0.0.1:6379/0"}
FORM = "it has to be stderr, stdout, redis or a path with a / in it, each once, or off alone"

NOT_IN_REDIS = "without `redis`, since the store is not in Redis"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GRANTD_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "places",
    [["stderr"], ["stdout", "/var/log/audit.jsonl"], ["./audit.jsonl", "redis"], ["off"]],
)
def test_places_are_taken_as_they_stand(places: Sequence[str]) -> None:
    assert Settings.load({"audit_log": places, **REDIS}).audit_log == tuple(places)


def test_one_variable_holds_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRANTD_AUDIT_LOG", "stdout, /var/log/audit.jsonl")

    assert Settings.load({}).audit_log == ("stdout", "/var/log/audit.jsonl")


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ({"audit_log": ["stdrr"]}, f"--audit-log: a list of 1; {FORM}"),
        ({"audit_log": ["stderr", "stderr"]}, f"--audit-log: a list of 2; {FORM}"),
        ({"audit_log": ["off", "stderr"]}, f"--audit-log: a list of 2; {FORM}"),
        (
            {"audit_log": ["redis"]},
            f"--audit-log: a list of 1; it has to be {NOT_IN_REDIS}",
        ),
        (
            {"audit_log": ["off"], "audit_required": True},
            "--audit-required: true or false; it has to be false, since audit_log is off",
        ),
    ],
)
def test_what_cannot_be_is_refused(flags: Mapping[str, object], problem: str) -> None:
    with pytest.raises(InvalidSettings) as refusal:
        Settings.load(flags)

    assert refusal.value.problems == (problem,)
