"""How long keys are announced, kept by verifiers, and used: what holds together (D6)."""

import os
from datetime import timedelta

import pytest

from entrypoints.setting_problems import InvalidSettings
from entrypoints.settings import Settings
from support.domain_samples import DAY, HOUR


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GRANTD_")]:
        monkeypatch.delenv(name)


def problem(**flags: object) -> str:
    with pytest.raises(InvalidSettings) as refused:
        Settings.load(flags)
    [one] = refused.value.problems
    return one


def test_the_usual_schedule_holds_and_nothing_rotates_by_itself() -> None:
    settings = Settings.load({})

    assert (settings.jwks_max_age, settings.key_announcement) == (HOUR, DAY)
    assert settings.key_rotation_interval is None


def test_an_announcement_outlives_every_copy_by_a_minute() -> None:
    settings = Settings.load({"jwks_max_age": "1s", "key_announcement": "61s"})
    assert settings.key_announcement == timedelta(seconds=61)

    assert problem(jwks_max_age="1s", key_announcement="60s") == (
        "--key-announcement: a text of 3 characters; it has to be 61s or more, which is"
        " jwks_max_age and a minute"
    )


def test_what_does_not_fit_a_default_is_told_of_the_default() -> None:
    """Nobody gave key_announcement, and it is what has to be set."""
    assert problem(jwks_max_age="48h") == (
        "key_announcement: a duration; it has to be 2881m or more, which is jwks_max_age and a"
        " minute"
    )


def test_a_key_signs_for_longer_than_its_successor_is_announced() -> None:
    assert Settings.load({"key_rotation_interval": "90d"}).key_rotation_interval == 90 * DAY

    assert problem(key_rotation_interval="24h") == (
        "--key-rotation-interval: a text of 3 characters; it has to be more than"
        " key_announcement, 1d"
    )
