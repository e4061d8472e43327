"""Times as columns hold them: whole milliseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def write_time(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def in_milliseconds(duration: timedelta) -> int:
    return duration // _MILLISECOND


def read_time(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND
