"""What is written of an audit event, wherever it is written.

Nothing that a client sends can break a line or reach a terminal as control,
and a secret sent in another value's place is masked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Final, Protocol

import msgspec

from adapters.written_times import written_second
from domain.model.credentials import mask_secrets
from domain.model.events import MEANINGS, AuditEvent, Origin, Outcome

Entry = Mapping[str, str]
"""The members of one event, in their order, with nothing that is not set."""

# A pipe takes that much in one piece from several processes (PIPE_BUF of Linux).
LONGEST_LINE: Final = 4_096

_SHORT: Final = 256  # characters that fit, however they have to be escaped
_TEXT_LIMITS: Final = (512, 128, 24)

_KINDS: Final = {
    kind: (
        "warning" if meaning.outcome is Outcome.ALARM else "info",
        kind.value,
        meaning.outcome.value,
    )
    for kind, meaning in MEANINGS.items()
}

_DELETE: Final = b"\x7f"  # the one control character that JSON leaves as it is

_encode = msgspec.json.Encoder().encode
_quoted = encode_basestring_ascii


class AuditPlace(Protocol):
    """Somewhere that events are written to.

    Attributes:
        name: What an operator calls it.
    """

    @property
    def name(self) -> str: ...

    async def append(self, entries: Sequence[Entry], /) -> None:
        """Write entries behind those that are there.

        Raises:
            OSError: If that is not possible; a part may have been written.
            ValueError: If what is written to has been closed.
            Unavailable: If that is not possible.
        """
        ...

    async def close(self) -> None: ...


class NearPlace(AuditPlace, Protocol):
    """One that seldom has to be waited for."""

    def put(self, entry: Entry, /) -> bool:
        """Write an entry at once; return False, and write nothing, if that would mean to wait.

        Raises:
            OSError: As `append` does.
            ValueError: Likewise.
        """
        ...


def entry_of(event: AuditEvent) -> Entry:
    """Return what is set of an event."""
    level, kind, outcome = _KINDS[event.kind]
    members = {"at": written_time(event.at), "level": level, "event": kind, "outcome": outcome}
    _add_origin(members, event.origin)
    _add_rest(members, event)
    text = "".join(members.values())
    if len(text) <= _SHORT and mask_secrets(text) == text:
        return members
    return _bounded({name: mask_secrets(value) for name, value in members.items()})


def _add_origin(members: dict[str, str], origin: Origin) -> None:
    if origin.request_id:
        members["request_id"] = origin.request_id
    if origin.protocol:
        members["protocol"] = origin.protocol
    if origin.address:
        members["address"] = origin.address
    if origin.client_certificate is not None:
        members["certificate"] = origin.client_certificate.thumbprint
    if origin.actor:
        members["actor"] = origin.actor


def _add_rest(members: dict[str, str], event: AuditEvent) -> None:
    if event.client_id:
        members["client_id"] = event.client_id
    if event.grant_type:
        members["grant_type"] = event.grant_type
    if event.scope:
        members["scope"] = str(event.scope)
    if event.token_id:
        members["token_id"] = event.token_id
    if event.family_id:
        members["family_id"] = event.family_id
    if event.reason:
        members["reason"] = event.reason
    if event.subject:
        members["subject"] = event.subject
    if event.change:
        members["change"] = event.change


def json_line(entry: Entry) -> bytes:
    try:
        line = _encode(entry)
    except UnicodeEncodeError:  # half a surrogate pair is no character
        return _escaped(entry)
    return line + b"\n" if line.isascii() and _DELETE not in line else _escaped(entry)


def _escaped(entry: Entry) -> bytes:
    members = ",".join([f'"{name}":{_quoted(it)}' for name, it in entry.items()])
    return f"{{{members}}}\n".encode("ascii")


def readable_line(entry: Entry) -> bytes:
    """Write for people: the values quoted, so that nothing in them passes for something else."""
    shown = {**entry}
    at, _, event = shown.pop("at"), shown.pop("level"), shown.pop("event")
    members = (f"{name}={_quoted(it)}" for name, it in shown.items())
    return (" ".join((f"{at} {event}", *members)) + "\n").encode("ascii")


@lru_cache(maxsize=4)
def written_time(at: datetime) -> str:
    return f"{written_second(int(at.timestamp()))}.{at.microsecond // 1_000:03}Z"


def _bounded(members: dict[str, str]) -> Entry:
    """Cut the values off, so that the longest line is within `LONGEST_LINE`."""
    if sum(map(len, members.values())) <= _SHORT:
        return members
    for limit in _TEXT_LIMITS:
        members = {name: text[:limit] for name, text in members.items()}
        if len(json_line(members)) <= LONGEST_LINE:
            break
    return members
