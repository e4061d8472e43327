import io
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from fcntl import F_SETPIPE_SZ, fcntl

import pytest
import structlog

from adapters.telemetry.log_format import LogFormat
from adapters.telemetry.logging import configure_logging
from domain.model.credentials import ClientSecret
from domain.model.keys import KeyId, SymmetricKey

KEY = SymmetricKey(
    key_id=KeyId("key-1"), created_at=datetime(2026, 11, 22, tzinfo=UTC), material=b"S3CRET" * 5
)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def configured(log_format: LogFormat, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(log_format, level, stream=stream)
    return stream


def test_a_line_for_programs_is_json() -> None:
    """With time, level, logger and what was given."""
    stream = configured("json")
    structlog.get_logger("grantd.http").info("started", port=8080)
    line = json.loads(stream.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {"event": "started", "level": "info", "logger": "grantd.http", "port": 8080}


def test_libraries_write_into_the_same_log() -> None:
    """What uvicorn says through the standard library looks the same."""
    stream = configured("json")
    logging.getLogger("uvicorn.error").warning("took %s", "long")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == (
        "took long",
        "warning",
        "uvicorn.error",
    )


def test_a_reader_who_pauses_stops_nobody() -> None:
    """What a pipe has no room for is left out; the rest is there when he goes on."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w") as stream:
        capacity = fcntl(writing, F_SETPIPE_SZ, 4_096)
        os.write(writing, bytes(capacity))
        configure_logging("json", stream=stream)

        logging.getLogger("grantd.http").warning("lost")
        assert reader.read(capacity) == bytes(capacity)
        logging.getLogger("grantd.http").warning("told")

        assert json.loads(reader.read(capacity))["event"] == "told"


def test_auto_is_for_people_on_a_terminal_alone() -> None:
    """A pipe gets JSON, a terminal does not."""
    terminal = _Terminal()
    configure_logging("auto", stream=terminal)
    structlog.get_logger("grantd").info("hello")
    assert "\x1b[" in terminal.getvalue()
    assert json.loads(_written_by_auto_to_a_pipe())["event"] == "hello"


def _written_by_auto_to_a_pipe() -> str:
    stream = configured("auto")
    structlog.get_logger("grantd").info("hello")
    return stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_level_holds_back_what_is_below(log_format: LogFormat) -> None:
    """For our loggers and for libraries'."""
    stream = configured(log_format, "warning")
    structlog.get_logger("grantd").info("quiet")
    logging.getLogger("uvicorn").info("quiet")
    assert not stream.getvalue()
    structlog.get_logger("grantd").warning("loud")
    assert "loud" in stream.getvalue()


def test_an_unknown_level_is_refused() -> None:
    """By the name that was given."""
    with pytest.raises(ValueError, match="LOUD"):
        configured("json", "loud")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_show_themselves_as_their_repr(log_format: LogFormat) -> None:
    """Given as values, in containers, or as local variables of a traceback."""
    stream = configured(log_format)
    log = structlog.get_logger("grantd")
    secret = ClientSecret("S3CRET")
    log.info("given", key=KEY, secret=secret, both=[{"key": KEY, "secret": secret}])
    try:
        _fail(KEY, secret.reveal())
    except RuntimeError:
        log.exception("failed")
    written = stream.getvalue()
    assert "key-1" in written
    assert "on purpose" in written
    assert "S3CRET" not in written
    assert "UzNDUkVU" not in written


def _fail(key: SymmetricKey, text: str) -> None:
    raise RuntimeError("on purpose", len(key.material), len(text))


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_text_becomes_a_line_or_a_control_of_its_own(log_format: LogFormat) -> None:
    """Neither as event, nor as value, nor in an exception."""
    stream = configured(log_format)
    log = structlog.get_logger("grantd")
    log.info("a\nb\x1b[2J\x9b", value="c\nd\x1b[2J\x9b\ud800")
    logging.getLogger("library").info("%s", "e\nf\x1b")
    assert stream.getvalue().count("\n") == 2
    try:
        raise RuntimeError("\x1b[2J\x9b")  # noqa: TRY301  (it has to be caught here)
    except RuntimeError:
        log.exception("failed")
    assert stream.getvalue().replace("\n", "").isprintable()


def test_what_is_bound_to_a_request_is_in_its_lines() -> None:
    """The request id travels by context."""
    stream = configured("json")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("grantd").info("hello")
    assert json.loads(stream.getvalue())["request_id"] == "r-1"
