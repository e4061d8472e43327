"""How single fields are written and read: names, scopes, lists, durations, times.

An empty field counts as one left out. What cannot be read is refused by the
name of its field.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from domain.errors import InvalidRequest
from domain.model.lifetimes import LONGEST_DURATION
from domain.model.scopes import Scope

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message and the attribute that it stands for.

    Attributes:
        write: Makes what the field takes of the attribute; None leaves it out.

        read: Makes the attribute of what the field holds, None if that is
            left out and can be. Raises `InvalidRequest`.
    """

    name: str
    attribute: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def written(fields: Iterable[Field], subject: object) -> dict[str, Any]:
    """Return what the fields of a message take of *subject*."""
    return {field.name: field.write(getattr(subject, field.attribute)) for field in fields}


def read(fields: Iterable[Field], message: Message) -> dict[str, Any]:
    """Return the attributes that a message tells."""
    return {field.attribute: read_one(field, message) for field in fields}


def read_one(field: Field, message: Message) -> Any:  # noqa: ANN401  (attributes have any type)
    has_presence = message.DESCRIPTOR.fields_by_name[field.name].has_presence
    given = not has_presence or message.HasField(field.name)
    return field.read(getattr(message, field.name) if given else None)


def read_changes(
    fields: Mapping[str, Field], message: Message, paths: Iterable[str]
) -> dict[str, Any]:
    """Return the attributes that an update mask names, with their new values.

    Raises:
        InvalidRequest: If a path names something else.
    """
    named = tuple(paths)
    for path in named:
        if path not in fields:
            raise refused("update_mask", f"{path} is no field that can change")
    return read((fields[path] for path in named), message)


def require_changes(changes: dict[str, Any]) -> dict[str, Any]:
    """Refuse a change of nothing."""
    if not changes:
        raise refused("update_mask", "it has to name what changes")
    return changes


def changed(fields: Iterable[Field], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fields of a message take of *changes*, for these alone."""
    return {
        field.name: field.write(changes[field.attribute])
        for field in fields
        if field.attribute in changes
    }


def text(name: str, attribute: str = "") -> Field:
    return Field(name, attribute or name, str, str)


def optional(name: str, attribute: str = "", reader: Callable[[str], Any] = str) -> Field:
    """Return a field of a text that may be left out."""
    return Field(
        name,
        attribute or name,
        lambda value: "" if value is None else str(value),
        lambda value: reader(value) if value else None,
    )


def switch(name: str) -> Field:
    return Field(name, name, bool, bool)


def scope(name: str, attribute: str) -> Field:
    return Field(name, attribute, list, Scope.of)


def texts(name: str, attribute: str = "") -> Field:
    """Return a field of a set of texts."""
    return Field(name, attribute or name, sorted, frozenset)


def one_of(name: str, kind: type[E], *, usual: E) -> Field:
    """Return a field of a choice, *usual* if it is left out."""
    return Field(name, name, str, lambda value: read_choice(name, kind, value) if value else usual)


def any_of(name: str, kind: type[E]) -> Field:
    """Return a field of a set of choices."""
    return Field(
        name,
        name,
        sorted,
        lambda values: frozenset(read_choice(name, kind, value) for value in values),
    )


def choice(name: str, kind: type[E], attribute: str = "") -> Field:
    """Return a field of a choice that may be left out."""
    return optional(name, attribute, lambda value: read_choice(name, kind, value))


def duration(name: str) -> Field:
    return Field(name, name, _as_it_is, lambda value: read_duration(name, value))


def read_duration(name: str, value: Duration | None) -> timedelta | None:
    """Read a duration: not negative, a hundred years at most."""
    if value is None:
        return None
    try:
        found = value.ToTimedelta()
    except (OverflowError, ValueError):
        found = timedelta.max
    if not timedelta() <= found <= LONGEST_DURATION:
        raise refused(name, "a duration from zero to a hundred years is needed")
    return found


def require_duration(name: str, message: Message) -> timedelta:
    """Read a duration that may not be left out."""
    if not message.HasField(name):
        raise refused(name, "a duration is needed")
    found = read_duration(name, getattr(message, name))
    assert found is not None
    return found


def optional_duration(name: str, message: Message) -> timedelta | None:
    return read_duration(name, getattr(message, name)) if message.HasField(name) else None


def read_moment(name: str, value: Timestamp) -> datetime:
    try:
        return value.ToDatetime(tzinfo=UTC)
    except (OverflowError, ValueError):
        raise refused(name, "a time from year 1 to year 9999 is needed") from None


def optional_moment(name: str, message: Message) -> datetime | None:
    return read_moment(name, getattr(message, name)) if message.HasField(name) else None


def require_text(name: str, message: Message) -> str:
    """Read a text that may not be left out."""
    found: str = getattr(message, name)
    if not found:
        raise refused(name, "it is missing")
    return found


def refused(name: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"unusable {name}", hint=f"{name}: {reason}")


def read_choice(name: str, kind: type[E], value: str) -> E:
    if value not in set(kind):
        raise refused(name, f"one of {', '.join(kind)} is needed")
    return kind(value)


def _as_it_is(value: object) -> object:
    return value
