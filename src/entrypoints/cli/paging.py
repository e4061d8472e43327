"""Lists that may be long: read page by page, all of them unless a person wants fewer."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")

_PAGE = 500

Limit = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="List that many at most; all if left out.")
]
After = Annotated[
    str | None, typer.Option(metavar="NAME", help="List what comes behind this one in the order.")
]


async def gather(
    page: Callable[[str | None, int], Awaitable[Sequence[T]]],
    name_of: Callable[[T], str],
    *,
    after: str | None,
    limit: int | None,
) -> list[T]:
    """Return what *page* gives from behind *after* on, up to *limit* of it.

    Args:
        page: Returns up to so many from behind a name.
    """
    found: list[T] = []
    while limit is None or len(found) < limit:
        wanted = _PAGE if limit is None else min(_PAGE, limit - len(found))
        got = await page(name_of(found[-1]) if found else after, wanted)
        found.extend(got)
        if len(got) < wanted:
            break
    return found
