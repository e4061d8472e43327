from datetime import timedelta

from adapters.milliseconds import from_ms, in_ms, to_ms
from support.domain_samples import HOUR, MOMENT, NOW


def test_a_time_survives_the_way_there_and_back() -> None:
    """Times are whole milliseconds in the core, and in stores."""
    assert from_ms(to_ms(NOW + 7 * MOMENT)) == NOW + 7 * MOMENT


def test_a_duration_is_counted_in_milliseconds() -> None:
    """What is less than one is dropped."""
    assert in_ms(HOUR + timedelta(microseconds=999)) == 3_600_000
