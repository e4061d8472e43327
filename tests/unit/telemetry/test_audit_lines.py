import json
from datetime import UTC, datetime

import pytest

from adapters.audit_lines import LONGEST_LINE, entry_of, json_line, readable_line
from domain.model.certificates import ClientCertificate
from domain.model.credentials import ClientSecret, SecretId
from domain.model.events import MEANINGS, MEMBERS, AuditEvent, EventKind, Origin, Outcome
from domain.model.identifiers import ClientId, FamilyId, TokenId
from domain.model.scopes import Scope

AT = datetime(2026, 11, 22, 7, 0, 0, 123_000, tzinfo=UTC)

EVERYTHING = AuditEvent(
    kind=EventKind.TOKEN_REFRESHED,
    at=AT,
    origin=Origin(
        request_id="r-1",
        protocol="http",
        address="192.0.2.1",
        actor="cli:root",
        client_certificate=ClientCertificate(
            thumbprint="tP-1", subject="CN=billing", not_after=AT, der=b"0"
        ),
    ),
    client_id=ClientId("billing"),
    grant_type="refresh_token",
    scope=Scope.parse("read write"),
    token_id=TokenId("t-1"),
    family_id=FamilyId("f-1"),
    reason="none",
    subject="something",
    change="everything",
)


def line_of(event: AuditEvent) -> str:
    return json_line(entry_of(event)).decode("ascii")


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_of_event_is_one_line_of_json(kind: EventKind) -> None:
    """With what is set and nothing else; alarms stand out."""
    line = line_of(AuditEvent(kind=kind, at=AT))
    assert line.endswith("\n")
    assert line.count("\n") == 1
    outcome = MEANINGS[kind].outcome
    assert json.loads(line) == {
        "at": "2026-11-22T07:00:00.123Z",
        "level": "warning" if outcome is Outcome.ALARM else "info",
        "event": kind.value,
        "outcome": outcome.value,
    }


def test_all_that_is_set_is_written() -> None:
    """Each member under its own name, in the order of the manual."""
    written = json.loads(line_of(EVERYTHING))

    assert written == {
        "at": "2026-11-22T07:00:00.123Z",
        "level": "info",
        "event": "token.refreshed",
        "outcome": "granted",
        "request_id": "r-1",
        "protocol": "http",
        "address": "192.0.2.1",
        "certificate": "tP-1",
        "actor": "cli:root",
        "client_id": "billing",
        "grant_type": "refresh_token",
        "scope": "read write",
        "token_id": "t-1",
        "family_id": "f-1",
        "reason": "none",
        "subject": "something",
        "change": "everything",
    }
    assert list(written) == list(MEMBERS)


@pytest.mark.parametrize(
    "text", ['"}\n{"event":"forged', "\x1b[2J", "\x9b2J", "\u2028", "\ud800", "\x00", "é"]
)
def test_what_a_client_sends_cannot_break_the_line(text: str) -> None:
    """Nor reach a terminal as control, nor fail to be written."""
    line = line_of(AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT, client_id=ClientId(text)))
    assert line[:-1].isascii()
    assert line[:-1].isprintable()
    assert json.loads(line)["client_id"] == text


def test_every_character_is_written_as_json_in_ascii() -> None:
    """Whichever way a line takes."""
    for number in (*range(0x3000), *range(0xD7F0, 0xE010), *range(0xFFF0, 0x10010)):
        entry = {"event": f"a{chr(number)}b", "subject": "c"}
        assert json_line(entry).decode() == json.dumps(entry, separators=(",", ":")) + "\n"


def test_what_a_client_sends_is_bounded() -> None:
    """A grant type of the size of a body does not fill the disk."""
    line = line_of(AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT, grant_type="x" * 60_000))
    assert len(line) < 1_000


@pytest.mark.parametrize("character", ["x", "\x00", "\U0001f512"])
def test_the_longest_line_is_one_write_to_a_pipe(character: str) -> None:
    """Whatever is sent in every place at once, several processes may share the pipe."""
    long = character * 60_000
    event = AuditEvent(
        kind=EventKind.TOKEN_REFUSED,
        at=AT,
        origin=Origin(request_id=long, protocol=long, address=long, actor=long),
        client_id=ClientId(long),
        grant_type=long,
        token_id=TokenId(long),
        family_id=FamilyId(long),
        reason=long,
        subject=long,
        change=long,
    )

    assert len(line_of(event).encode()) <= LONGEST_LINE


def test_a_person_gets_a_readable_line() -> None:
    """Values stay quoted, so that nothing in them can pass for something else."""
    event = AuditEvent(kind=EventKind.CLIENT_CREATED, at=AT, subject="billing\nx=1")

    assert readable_line(entry_of(event)) == (
        b'2026-11-22T07:00:00.123Z client.created outcome="changed" subject="billing\\nx=1"\n'
    )


@pytest.mark.parametrize("written", ["billing{}", "{}"])
def test_a_secret_in_another_members_place_is_masked(written: str) -> None:
    """A client that swaps its id and its secret sends the secret as its name."""
    secret = ClientSecret.compose(SecretId("0badcafe"), "r" * 43).reveal()
    name = ClientId(written.format(secret))
    event = AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT, client_id=name, reason=f"no {secret}")

    line = json.loads(line_of(event))

    assert line["client_id"] == written.format("gds_0badcafe_***")
    assert line["reason"] == "no gds_0badcafe_***"


def test_a_secret_is_masked_before_it_is_cut_off() -> None:
    """What is left of a long text shows no beginning of one."""
    secret = ClientSecret.compose(SecretId("0badcafe"), "r" * 43).reveal()
    event = AuditEvent(kind=EventKind.TOKEN_REFUSED, at=AT, grant_type="x" * 490 + secret)

    assert "rrr" not in line_of(event)
