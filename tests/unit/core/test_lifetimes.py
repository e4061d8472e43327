from datetime import timedelta

import pytest

from domain.model.lifetimes import format_duration, parse_duration, shortest


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT1H", timedelta(hours=1)),
        ("P1M", timedelta(days=30)),
        ("PT1M", timedelta(minutes=1)),
        ("P1MT1M", timedelta(days=30, minutes=1)),
        ("P2W", timedelta(weeks=2)),
        ("P1M2W3DT4H5M6S", timedelta(days=47, hours=4, minutes=5, seconds=6)),
        ("PT90S", timedelta(seconds=90)),
        ("PT0S", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("30d", timedelta(days=30)),
        ("36500d", timedelta(days=36_500)),
    ],
)
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    """A month is thirty days, and only behind the T is an M a minute (ISO 8601)."""
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        *("", "P", "PT", "P1MT", "T1H", "1", "h", "PT1", "P1", "P1H", "PT1D", "PT1S1M"),
        *("P1Y", "1w", "1y", "1.5h", "PT1.5S", "-1h", "-PT1H", "+1h", "pt1h", "1H", "1 h"),
        *(" 1h", "1h\n", "PT1H ", "P\u0663D", "\u0663h", "36501d", "P9999M", "999999999d"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """What is written otherwise, or passes a hundred years, is a mistake."""
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=15), "15m"),
        (timedelta(hours=1), "1h"),
        (timedelta(hours=25), "25h"),
        (timedelta(days=30), "30d"),
    ],
)
def test_a_duration_is_written_in_the_largest_unit_that_divides_it(
    duration: timedelta, text: str
) -> None:
    assert format_duration(duration) == text
    assert parse_duration(text) == duration


def test_the_shortest_configured_lifetime_wins() -> None:
    minute, hour = timedelta(minutes=1), timedelta(hours=1)

    assert shortest(None, hour, minute, None, default=timedelta()) == minute


def test_the_default_counts_only_where_nothing_is_configured() -> None:
    minute, hour = timedelta(minutes=1), timedelta(hours=1)

    assert shortest(hour, default=minute) == hour
    assert shortest(None, default=minute) == minute
    assert shortest(default=minute) == minute
