"""The canonical line: what stands in it, how it is written, and what it may never be."""

import asyncio
import json
import logging
import os
import re
from collections.abc import Iterator
from fcntl import F_SETPIPE_SZ, fcntl
from select import select
from typing import Any

import pytest

from adapters.request_record import Ending, Endpoint, RequestRecord, begin_record, request_ids
from adapters.store_trips import count_step
from adapters.system.entropy import SystemEntropy
from adapters.telemetry import request_log
from adapters.telemetry.request_log import MEMBERS, RequestLog
from domain.errors import ErrorCode
from domain.model.credentials import ClientSecret, SecretId
from support.polling import until

LARGEST_WRITE = 4_096

HOSTILE = (
    "\x1b[31mred",
    'quoted" level="error',
    "two\nlines",
    "\x9b31m",
    "\u202eright to left",
    "\x7f",
    "\ud800",
    "x" * 100_000,
    "\x00" * 100_000,
    ClientSecret.compose(SecretId("0123abcd"), "s" * 43).reveal(),
)


class Pipe:
    """Where a test's log writes to, one entry for each write."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe2(os.O_DIRECT)  # a pipe of packets

    def writes(self) -> list[bytes]:
        os.set_blocking(self._reading, False)
        found = []
        while True:
            try:
                found.append(os.read(self._reading, 65_536))
            except BlockingIOError:
                return found

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.writes()).splitlines()]

    def close(self) -> None:
        os.close(self._reading)
        os.close(self.writing)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    opened = Pipe()
    logging.getLogger("grantd.requests").setLevel(logging.DEBUG)
    yield opened
    opened.close()
    logging.getLogger("grantd.requests").setLevel(logging.NOTSET)


def record(**changes: Any) -> RequestRecord:  # noqa: ANN401  (whatever a record has)
    made = RequestRecord("r-1", "http", "POST", "192.0.2.7", Endpoint.TOKEN)
    made.status = 200
    for name, value in changes.items():
        setattr(made, name, value)
    return made


async def written(pipe: Pipe, *records: RequestRecord, readable: bool = False) -> None:
    log = RequestLog(pipe.writing, readable=readable)
    for one in records:
        log.ended(one, seconds=0.0123456)
    await asyncio.sleep(0)


async def test_a_line_has_what_is_known_and_nothing_else(pipe: Pipe) -> None:
    one = record(client_id="billing", claimed="billing", grant_type="client_credentials")
    one.reads, one.steps = 1, 2

    await written(pipe, one)

    (line,) = pipe.lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("at"))
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "r-1",
        "protocol": "http",
        "endpoint": "token",
        "outcome": "ok",
        "status": 200,
        "duration_ms": 12.346,
        "store_reads": 1,
        "store_steps": 2,
        "address": "192.0.2.7",
        "method": "POST",
        "client_id": "billing",
        "grant_type": "client_credentials",
    }


async def test_the_members_have_one_order(pipe: Pipe) -> None:
    """Whoever reads them with `cut` finds them where the manual has them."""
    known = {"grant_type": "refresh_token", "active": True, "trace_id": "a", "span_id": "b"}

    await written(pipe, record(client_id="billing", **known), record(claimed="billing", **known))

    proved, claimed = (list(line) for line in pipe.lines())
    assert proved == [name for name in MEMBERS if name != "claimed_client_id"]
    assert claimed == [name for name in MEMBERS if name != "client_id"]


async def test_lines_that_differ_in_what_is_mostly_the_same_differ(pipe: Pipe) -> None:
    """What is written once for many requests is that of each."""
    kinds = [
        record(protocol=protocol, endpoint=endpoint, status=status, reads=reads, method=method)
        for protocol, status, method in (("http", 200, "POST"), ("grpc", "OK", "/a/B"))
        for endpoint in (Endpoint.TOKEN, Endpoint.INTROSPECTION)
        for reads in (0, 1)
    ]

    await written(pipe, *kinds)

    members = ("protocol", "endpoint", "status", "store_reads", "method")
    assert [tuple(line[name] for name in members) for line in pipe.lines()] == [
        (kind.protocol, kind.endpoint, kind.status, kind.reads, kind.method) for kind in kinds
    ]


async def test_a_name_that_was_not_proved_never_stands_as_the_client(pipe: Pipe) -> None:
    await written(pipe, record(claimed="billing"))

    (line,) = pipe.lines()
    assert "client_id" not in line
    assert line["claimed_client_id"] == "billing"


@pytest.mark.parametrize("readable", [False, True])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_what_callers_send_stays_within_its_member(
    pipe: Pipe, text: str, *, readable: bool
) -> None:
    """In ASCII, in one line, bounded; and a secret in the wrong place is masked."""
    await written(pipe, record(claimed=text, grant_type=text), readable=readable)

    (line,) = b"".join(pipe.writes()).splitlines()
    shown = line.decode("ascii")
    assert shown.isprintable()
    assert len(shown) < 2_500
    assert "s" * 43 not in shown
    assert not re.search(r'(?<!\\)" level="', shown)


@pytest.mark.parametrize(
    ("endpoint", "outcome", "level"),
    [
        (Endpoint.TOKEN, Ending.OK, "info"),
        (Endpoint.TOKEN, ErrorCode.INVALID_CLIENT, "info"),
        (Endpoint.TOKEN, ErrorCode.TEMPORARILY_UNAVAILABLE, "warning"),
        (Endpoint.TOKEN, ErrorCode.SERVER_ERROR, "warning"),
        (Endpoint.HEALTH, Ending.OK, "debug"),
        (Endpoint.HEALTH, ErrorCode.INVALID_REQUEST, "debug"),
        (Endpoint.HEALTH, ErrorCode.SERVER_ERROR, "warning"),
    ],
)
async def test_what_was_not_the_callers_doing_is_a_warning(
    pipe: Pipe, endpoint: Endpoint, outcome: ErrorCode | Ending, level: str
) -> None:
    await written(pipe, record(endpoint=endpoint, outcome=outcome))

    assert [line["level"] for line in pipe.lines()] == [level]


async def test_the_level_of_the_log_is_heeded_at_once(pipe: Pipe) -> None:
    """As a reload sets it."""
    logging.getLogger("grantd.requests").setLevel(logging.WARNING)

    await written(pipe, record(), record(outcome=ErrorCode.SERVER_ERROR, request_id="r-2"))

    assert [line["request_id"] for line in pipe.lines()] == ["r-2"]


async def test_lines_of_one_turn_go_out_together_and_whole(pipe: Pipe) -> None:
    """Several processes write to one pipe: none breaks another's line."""
    records = [record(request_id=f"r-{number}", claimed="x" * 100) for number in range(50)]

    await written(pipe, *records)

    writes = pipe.writes()
    assert 1 < len(writes) < 25
    assert all(len(write) <= LARGEST_WRITE and write.endswith(b"\n") for write in writes)
    ids = [json.loads(line)["request_id"] for line in b"".join(writes).splitlines()]
    assert ids == [one.request_id for one in records]


async def test_both_forms_have_the_same_members(pipe: Pipe) -> None:
    one = record(claimed="billing", active=False, trace_id="a" * 32, span_id="b" * 16)

    await written(pipe, one)
    await written(pipe, one, readable=True)

    machine, person = b"".join(pipe.writes()).decode().splitlines()
    members = json.loads(machine)
    at, level, event, rest = person.split(" ", 3)
    assert (level, event) == ("[info]", "request")
    assert at[:10] == members["at"][:10]
    shown = {name: json.loads(value) for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', rest)}
    assert {"at", "level", "event", *shown} == set(members)
    assert shown == {name: members[name] for name in shown}


async def test_what_cannot_be_written_stops_nobody() -> None:
    """A full disk, say."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, failure: failures.append(failure))
    full = os.open("/dev/full", os.O_WRONLY)
    log = RequestLog(full, readable=False)

    log.ended(record(outcome=ErrorCode.SERVER_ERROR), seconds=0)
    log.turned_away(record(outcome=ErrorCode.TEMPORARILY_UNAVAILABLE))
    await asyncio.sleep(0)
    os.close(full)

    assert failures == []


async def test_a_record_is_counted_for_alone() -> None:
    """A pipelined request begins in the context of the one before."""
    first = begin_record(record())
    second = begin_record(record())
    count_step()

    assert (first.steps, second.steps) == (0, 1)
    assert (second.trace_id, second.span_id) == ("", "")


async def test_a_reader_who_pauses_stops_no_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lines wait for him, in their order; beyond some of them the newest are lost."""
    caplog.set_level(logging.INFO, "grantd.requests")
    monkeypatch.setattr(request_log, "_MOST_WAITING", 20)
    reading, writing = os.pipe()
    capacity = fcntl(writing, F_SETPIPE_SZ, LARGEST_WRITE)
    os.write(writing, bytes(capacity))
    log = RequestLog(writing, readable=False)

    for number in range(30):
        log.ended(record(request_id=f"r-{number}"), seconds=0.001)
    await asyncio.sleep(0.05)

    assert os.read(reading, capacity) == bytes(capacity)
    told = b""

    async def all_told() -> bool:
        nonlocal told
        if select([reading], [], [], 0)[0]:
            told += os.read(reading, capacity)
        return told.count(b"\n") == 20

    await until(all_told)
    ids = [json.loads(line)["request_id"] for line in told.splitlines()]
    assert ids == [f"r-{number}" for number in range(20)]
    os.close(reading)
    os.close(writing)


def test_an_id_can_be_typed_wherever_a_word_can() -> None:
    """Behind `grep`, one that began with a hyphen would be an option."""
    new_id = request_ids(SystemEntropy())

    assert all(re.fullmatch(r"[0-9a-f]{24}", new_id()) for _ in range(200))


def test_no_two_requests_have_the_same_id() -> None:
    """However many are drawn at once."""
    new_id = request_ids(SystemEntropy())

    assert len({new_id() for _ in range(2_000)}) == 2_000
