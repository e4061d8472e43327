"""What a server of a test has written down, from wherever it was told to write it."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import redis

from domain.model.events import EVERYWHERE, MEANINGS, ORIGIN, EventKind
from support.grantd_process import GrantdProcess

Line = Mapping[str, str]

STREAM = "grantd:{audit}:events"


def audit_lines(file: Path) -> list[Line]:
    """Read a file of audit lines, or a log with audit lines among others."""
    lines = [json.loads(line) for line in file.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if "outcome" in line and line["event"] != "request"]


def audit_stream(grantd: GrantdProcess) -> list[Line]:
    """Read the stream in the Redis of a server."""
    with closing(redis.Redis.from_url(grantd.store, decode_responses=True)) as client:
        found: Any = client.xrange(STREAM)  # typed for both kinds of client at once
    return [fields for _, fields in found]


def require_as_documented(lines: Sequence[Line]) -> None:
    """Require of each line what `docs/audit.md` says of it."""
    for line in lines:
        meaning = MEANINGS[EventKind(line["event"])]
        assert set(EVERYWHERE) <= set(line), line
        assert set(line) <= {*EVERYWHERE, *ORIGIN, *meaning.members}, line
        assert line["outcome"] == meaning.outcome
        assert all(line.values()), line
