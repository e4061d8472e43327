"""Exports in JSON: parsing them, and reading members of a known type."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from adapters.strict_json import refuse_constant, require_unique
from domain.errors import UnreadableExport, presentable
from domain.model.imported_clients import MAX_IMPORTED_CLIENTS

T = TypeVar("T")

Members = Mapping[str, Any]

_LONGEST_NUMBER: Final = 18


def parse(content: bytes) -> object:
    """Parse JSON in UTF-8.

    Raises:
        UnreadableExport: With the line, if it is none.
    """
    try:
        document: object = json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=require_unique,
            parse_constant=refuse_constant,
            parse_int=_integer,
        )
        json.dumps(document, ensure_ascii=False).encode()  # half a character may be escaped
    except UnicodeError:
        raise UnreadableExport(hint="not a text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise UnreadableExport(hint=f"line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise UnreadableExport(hint="nested too deeply") from None
    except ValueError as error:
        raise UnreadableExport(hint=str(error)) from None
    return document


def clients_in(document: object, *, known_by: str) -> Iterator[tuple[str, Members]]:
    """Yield each client with its place: one object, a list, or a list under a member.

    Args:
        known_by: The member that every client has.

    Raises:
        UnreadableExport: If there is none of these.
    """
    if isinstance(document, Mapping) and known_by in document:
        yield "the client", document
        return
    where = ""
    if isinstance(document, Mapping):
        where = next((name for name in ("clients", "items") if name in document), "")
        document = document.get(where)
    if not isinstance(document, list):
        raise UnreadableExport(hint=f"neither a client with {known_by} nor a list of clients")
    if len(document) > MAX_IMPORTED_CLIENTS:
        raise UnreadableExport(hint=f"more than {MAX_IMPORTED_CLIENTS} clients")
    for number, client in enumerate(document):
        place = f"{where}[{number}]"
        if not isinstance(client, Mapping):
            raise UnreadableExport(hint=f"{place} is not an object")
        yield place, client


class Reader:
    """Reads members of one client; null is as good as left out.

    Its refusals name the client's place and the member, and never a value.
    """

    def __init__(self, place: str, members: Members) -> None:
        self._place = place
        self._members = members

    def text(self, name: str) -> str:
        return self._of(name, str, "a text") or ""

    def switch(self, name: str, *, otherwise: bool = False) -> bool:
        found = self._of(name, bool, "true or false")
        return otherwise if found is None else found

    def seconds(self, name: str) -> int:
        if isinstance(self._members.get(name), bool):
            raise self.unreadable(name, "a whole number")
        return self._of(name, int, "a whole number") or 0

    def texts(self, name: str) -> tuple[str, ...]:
        found = self._of(name, list, "a list of texts") or []
        if not all(isinstance(one, str) for one in found):
            raise self.unreadable(name, "a list of texts")
        return tuple(found)

    def members(self, name: str) -> Members:
        return self._of(name, dict, "an object") or {}

    def unreadable(self, name: str, wanted: str) -> UnreadableExport:
        return UnreadableExport(hint=f"{self._place}: {presentable(name)}: {wanted} is needed")

    def _of(self, name: str, kind: type[T], wanted: str) -> T | None:
        found = self._members.get(name)
        if found is not None and not isinstance(found, kind):
            raise self.unreadable(name, wanted)
        return found


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("a number is too large")
    return int(digits)
