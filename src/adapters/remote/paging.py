"""Lists that come page by page."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def gather(
    read: Callable[[dict[str, Any]], Awaitable[tuple[Sequence[T], str]]],
    *,
    after: str | None,
    limit: int,
) -> Sequence[T]:
    """Return up to *limit* entries from behind *after*.

    Args:
        read: Asks for the page that these fields of a request name, and
            returns its entries and what asks for the next one.
    """
    found: list[T] = []
    place = {"after": after}
    while True:
        entries, next_page_token = await read({"page_size": limit - len(found), **place})
        found += entries
        if not next_page_token or len(found) >= limit:
            return found
        place = {"page_token": next_page_token}
