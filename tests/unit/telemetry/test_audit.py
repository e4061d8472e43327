import io
import json
from datetime import UTC, datetime

import pytest

from adapters.telemetry.audit import LogAuditTrail
from domain.errors import Unavailable
from domain.model.credentials import ClientSecret, SecretId
from domain.model.events import ALARMS, AuditEvent, EventKind, Origin
from domain.model.identifiers import ClientId, FamilyId, TokenId
from domain.model.scopes import Scope

AT = datetime(2026, 11, 22, 7, 0, 0, 123_000, tzinfo=UTC)


class _Writes(io.StringIO):
    """Counts what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str, /) -> int:
        self.writes.append(text)
        return super().write(text)


async def line_of(event: AuditEvent) -> str:
    stream = _Writes()
    await LogAuditTrail(stream).record(event)
    assert len(stream.writes) == 1
    return stream.writes[0]


@pytest.mark.parametrize("kind", list(EventKind))
async def test_every_kind_of_event_is_one_line_of_json(kind: EventKind) -> None:
    """With what is set and nothing else; alarms stand out."""
    line = await line_of(AuditEvent(kind=kind, at=AT))
    assert line.endswith("\n")
    assert line.count("\n") == 1
    plain = {"at": "2026-11-22T07:00:00.123Z", "level": "info", "event": kind.value}
    alarm = {**plain, "level": "warning", "alarm": True}
    assert json.loads(line) == (alarm if kind in ALARMS else plain)


async def test_all_that_is_set_is_written() -> None:
    """Each member under its own name."""
    event = AuditEvent(
        kind=EventKind.TOKEN_REFRESHED,
        at=AT,
        origin=Origin(request_id="r-1", protocol="http", address="192.0.2.1"),
        client_id=ClientId("billing"),
        grant_type="refresh_token",
        scope=Scope.parse("read write"),
        token_id=TokenId("t-1"),
        family_id=FamilyId("f-1"),
        reason="none",
        subject="something",
        change="everything",
    )
    assert json.loads(await line_of(event)) == {
        "at": "2026-11-22T07:00:00.123Z",
        "level": "info",
        "event": "token.refreshed",
        "request_id": "r-1",
        "protocol": "http",
        "address": "192.0.2.1",
        "client_id": "billing",
        "grant_type": "refresh_token",
        "scope": "read write",
        "token_id": "t-1",
        "family_id": "f-1",
        "reason": "none",
        "subject": "something",
        "change": "everything",
    }


@pytest.mark.parametrize(
    "text", ['"}\n{"event":"forged', "\x1b[2J", "\x9b2J", "\u2028", "\ud800", "\x00", "é"]
)
async def test_what_a_client_sends_cannot_break_the_line(text: str) -> None:
    """Nor reach a terminal as control, nor fail to be written."""
    line = await line_of(AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT, client_id=ClientId(text)))
    assert line[:-1].isascii()
    assert line[:-1].isprintable()
    assert json.loads(line)["client_id"] == text


async def test_what_a_client_sends_is_bounded() -> None:
    """A grant type of the size of a body does not fill the disk."""
    line = await line_of(AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT, grant_type="x" * 60_000))
    assert len(line) < 1_000


async def test_a_stream_is_flushed_and_its_failure_told() -> None:
    """An event that cannot be written down did not happen quietly."""
    stream = io.StringIO()
    stream.close()
    with pytest.raises(Unavailable):
        await LogAuditTrail(stream).record(AuditEvent(kind=EventKind.TOKEN_ISSUED, at=AT))


async def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to commands."""
    await LogAuditTrail().record(AuditEvent(kind=EventKind.TOKEN_ISSUED, at=AT))
    written = capsys.readouterr()
    assert "token.issued" in written.err
    assert not written.out


async def test_a_person_gets_a_readable_line() -> None:
    """Values stay quoted, so that nothing in them can pass for something else."""
    stream = io.StringIO()
    event = AuditEvent(kind=EventKind.CLIENT_CREATED, at=AT, subject="billing\nx=1")
    await LogAuditTrail(stream, log_format="console").record(event)
    assert stream.getvalue() == (
        '2026-11-22T07:00:00.123Z client.created subject="billing\\nx=1"\n'
    )


@pytest.mark.parametrize("written", ["billing{}", "{}"])
async def test_a_secret_in_another_members_place_is_masked(written: str) -> None:
    """A client that swaps its id and its secret sends the secret as its name."""
    secret = ClientSecret.compose(SecretId("0badcafe"), "r" * 43).reveal()
    name = ClientId(written.format(secret))
    event = AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT, client_id=name, reason=f"no {secret}")

    line = json.loads(await line_of(event))

    assert line["client_id"] == written.format("gds_0badcafe_***")
    assert line["reason"] == "no gds_0badcafe_***"


async def test_a_secret_is_masked_before_it_is_cut_off() -> None:
    """What is left of a long text shows no beginning of one."""
    secret = ClientSecret.compose(SecretId("0badcafe"), "r" * 43).reveal()
    event = AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT, grant_type="x" * 490 + secret)

    assert "rrr" not in await line_of(event)
