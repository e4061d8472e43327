"""Where the work at hand came from, for audit events that nobody told."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from domain.model.events import Origin

BY_ITSELF: Final = Origin(actor="grantd")
"""What a server does without being asked."""

_origin: ContextVar[Origin] = ContextVar("audit_origin", default=Origin())  # noqa: B039  (frozen)


@contextmanager
def bind_origin(origin: Origin) -> Iterator[None]:
    """Say for as long as the block lasts, and for all tasks begun in it, where work comes from."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


def bound_origin() -> Origin:
    """Return the innermost origin bound; an empty one if none is."""
    return _origin.get()
