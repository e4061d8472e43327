"""Whom lines are written for."""

from typing import Literal, TextIO

LogFormat = Literal["json", "console", "auto"]


def is_for_people(log_format: LogFormat, stream: TextIO) -> bool:
    """Tell whether *stream* gets readable lines rather than JSON."""
    return log_format == "console" or (log_format == "auto" and stream.isatty())
