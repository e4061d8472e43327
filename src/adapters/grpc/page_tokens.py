"""Pages of a list, and the tokens that ask for the next one.

A token says where the next page begins, in a form that tells callers not to
build on it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from domain.errors import InvalidRequest

T = TypeVar("T")

LARGEST_PAGE: Final = 100

_PREFIX = b"grantd.1\0"


class PageFields(Protocol):
    """What every request for a page has."""

    page_size: int
    page_token: str
    after: str


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for.

    Attributes:
        after: The name of the entry that it begins behind; None is the beginning.
    """

    after: str | None
    size: int

    @property
    def limit(self) -> int:
        """How many entries to look at: one more tells whether there is a next page."""
        return self.size + 1

    def cut(self, found: Sequence[T], name_of: Callable[[T], str]) -> tuple[Sequence[T], str]:
        """Return the entries of the page, and what asks for the next one, if there is one."""
        entries = found[: self.size]
        is_last = len(found) <= self.size
        return entries, "" if is_last else _write(name_of(entries[-1]))


def read_page(message: PageFields) -> Page:
    """Read which page is asked for.

    Raises:
        InvalidRequest: If the size is negative, the token is none of ours, or
            there are two beginnings.
    """
    if message.page_size < 0:
        raise _refused("page_size: it may not be negative")
    if message.page_token and message.after:
        raise _refused("after: not together with page_token")
    after = _read(message.page_token) if message.page_token else message.after
    return Page(after or None, min(message.page_size or LARGEST_PAGE, LARGEST_PAGE))


def _write(last: str) -> str:
    return urlsafe_b64encode(_PREFIX + last.encode()).decode()


def _read(token: str) -> str:
    try:
        last = urlsafe_b64decode(token).removeprefix(_PREFIX).decode()
    except ValueError:
        last = ""
    if not last or _write(last) != token:
        raise _refused("page_token: it has to be given as it came")
    return last


def _refused(hint: str) -> InvalidRequest:
    return InvalidRequest("an impossible page", hint=hint)
