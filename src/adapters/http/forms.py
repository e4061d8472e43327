"""A strict reader of application/x-www-form-urlencoded bodies (RFC 6749 App. B).

What it lets through is UTF-8 text under known names, each present at most
once unless its RFC allows more, and never empty.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus, unquote_to_bytes

from adapters.http.request import Request
from domain.errors import InvalidRequest, UnsupportedMediaType

MAX_PARAMETERS: Final = 100

_MEDIA_TYPE = b"application/x-www-form-urlencoded"
_CHARSETS = frozenset({b"utf-8", b"utf8"})

# RFC 8707 §2 and RFC 8693 §2.1 allow these more than once.
_REPEATABLE = frozenset({"audience", "resource"})
_KNOWN = _REPEATABLE | {
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "refresh_token",
    "scope",
    "token",
    "token_type_hint",
}

# Control characters in these have answers of their own: the scope's grammar
# refuses them, and a client that has them in its name or secret is unknown.
_JUDGED_LATER = frozenset({"client_id", "client_secret", "scope"})

_CONTROL = re.compile(r"[\x00-\x1F\x7F]")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Text that this does not change is printable ASCII, and stands for itself.
_NOT_PLAIN = bytes(range(0x20)) + b"\x7f%+" + bytes(range(0x80, 0x100))
_PLAIN = bytes.maketrans(_NOT_PLAIN, b"?" * len(_NOT_PLAIN))


@dataclass(slots=True)
class Form:
    """The known parameters of a request. An empty parameter is an omitted one."""

    _values: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def get(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0] or None if values else None

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(filter(None, self._values.get(name, ())))


def read(request: Request) -> Form:
    """Read the parameters of a POST request from its body, and from nowhere else.

    Raises:
        UnsupportedMediaType: If the body is in another form, charset or coding.
        InvalidRequest: If the query holds an OAuth parameter (RFC 6749 §2.3.1),
            or the body is malformed.
    """
    _require_form(request)
    if request.query:
        _require_foreign(request.query)
    return parse(request.body)


def parse(body: bytes) -> Form:
    """Read the parameters that *body* holds.

    Raises:
        InvalidRequest: If it is malformed, has too many parameters, or has a
            known one twice (RFC 6749 §3.2).
    """
    if not body:
        return Form()
    if body.count(b"&") >= MAX_PARAMETERS:
        raise InvalidRequest("too many parameters")
    is_plain = body.translate(_PLAIN) == body
    if not is_plain and not body.isascii():
        raise InvalidRequest("raw bytes beyond ASCII")
    values: dict[str, list[str]] = {}
    for pair in body.decode("ascii").split("&"):
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise InvalidRequest("a parameter without a name or without =")
        if not is_plain:
            name, value = _decoded(name, value)
        if name not in _KNOWN:
            continue
        if name not in values:
            values[name] = [value]
        elif name in _REPEATABLE:
            values[name].append(value)
        else:
            raise InvalidRequest("a parameter twice", hint=f"{name} is given more than once")
    return Form(values)


def _decoded(raw_name: str, raw_value: str) -> tuple[str, str]:
    name, value = _decode(raw_name), _decode(raw_value)
    if _CONTROL.search(name) or (name not in _JUDGED_LATER and _CONTROL.search(value)):
        raise InvalidRequest("a control character in a parameter")
    return name, value


def _decode(raw: str) -> str:
    text = raw.replace("+", " ")
    if "%" not in text:
        return text
    if _STRAY_PERCENT.search(text):
        raise InvalidRequest("a broken percent escape")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        # Without its cause, which quotes what it was given.
        raise InvalidRequest("a percent escape that is not UTF-8") from None


def _require_form(request: Request) -> None:
    for coding in request.values(b"content-encoding"):
        if coding.strip().lower() not in (b"", b"identity"):
            raise UnsupportedMediaType("a content coding")
    content_types = request.values(b"content-type")
    if len(content_types) != 1 or not _is_form(content_types[0]):
        raise UnsupportedMediaType("not a form in UTF-8")


def _is_form(content_type: bytes) -> bool:
    """Compare type and subtype; of the parameters only a foreign charset matters."""
    if content_type == _MEDIA_TYPE:
        return True
    essence, *parameters = content_type.lower().split(b";")
    if essence.strip() != _MEDIA_TYPE:
        return False
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset" and value.strip().strip(b'"') not in _CHARSETS:
            return False
    return True


def _require_foreign(query: bytes) -> None:
    """Let any query pass that has nothing to do with us."""
    for pair in query.decode("latin-1").split("&"):
        name = unquote_plus(pair.partition("=")[0])
        if name in _KNOWN:
            raise InvalidRequest(
                "an OAuth parameter in the query", hint=f"{name} belongs in the request body"
            )
