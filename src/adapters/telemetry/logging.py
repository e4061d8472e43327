"""The operators' log: JSON lines for programs, readable lines for people, on standard error.

It also takes what libraries say through the standard library's logging.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from adapters.telemetry.log_format import LogFormat, is_for_people
from adapters.telemetry.readers import has_room

# Libraries that say at "info" and "debug" what concerns nobody but themselves.
_TALKATIVE = ("httpx", "httpcore", "grpc", "urllib3")

_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30)


def configure_logging(
    log_format: LogFormat = "auto", level: str = "info", *, stream: TextIO | None = None
) -> None:
    """Set up logging for this process; a later call replaces an earlier one.

    Values show themselves by their `repr`, as secrets count on, and local
    variables are in no traceback.

    Args:
        log_format: "auto" is for people if *stream* is a terminal.

        level: The least level that is written, by name.

        stream: Standard error if left out.

    Raises:
        ValueError: If *level* is not the name of one.
    """
    stream = stream if stream is not None else sys.stderr
    readable = is_for_people(log_format, stream)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *(_for_people(colors=stream.isatty()) if readable else _for_programs()),
        ],
    )
    handler = _Handler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.setLevel(level.upper())
    root.handlers = [handler]
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # or a later call would not reach loggers in use
    )


class _Handler(logging.StreamHandler[TextIO]):
    """Leaves out what a pipe has no room for: waiting for its reader would stop the service."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            is_free = has_room(self.stream.fileno())
        except (OSError, ValueError):  # not a file of the system, or closed
            is_free = True
        if is_free:
            super().emit(record)


def _for_programs() -> list[Processor]:
    return [
        structlog.processors.ExceptionRenderer(_TRACEBACK),
        structlog.processors.JSONRenderer(serializer=_to_json),
    ]


def _for_people(*, colors: bool) -> list[Processor]:
    return [
        _print_event_plainly,
        structlog.dev.ConsoleRenderer(
            colors=colors,
            repr_native_str=True,
            exception_formatter=_print_traceback_plainly,
            timestamp_key="at",
        ),
    ]


def _to_json(event: EventDict, default: Callable[[Any], Any], **_: object) -> str:
    """Write JSON in ASCII, what is not JSON by its `repr`.

    msgspec would be faster, and would write the fields of a dataclass that
    its `repr` withholds.
    """
    return json.dumps(event, default=default, ensure_ascii=True, skipkeys=True)


def _print_event_plainly(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["event"] = _plain(str(event.get("event", "")))
    return event


def _print_traceback_plainly(stream: TextIO, exc_info: ExcInfo) -> None:
    lines = "".join(traceback.format_exception(*exc_info)).splitlines()
    stream.write("\n" + "\n".join(_plain(line) for line in lines))


def _plain(text: str) -> str:
    """Escape what a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
