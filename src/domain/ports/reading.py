"""Reads that begin when they are asked for, not when they are awaited.

A use case asks for all it can foresee and then awaits the answers one by
one; a remote store gathers what was asked for in one turn of the event loop
into one round trip (D2). A reading may be awaited more than once, or never.
"""

from collections.abc import Awaitable, Generator
from typing import Generic, TypeVar

T = TypeVar("T")

Reading = Awaitable[T]


class Ready(Generic[T]):
    """A reading whose answer is there already, as an embedded store's is."""

    __slots__ = ("_answer",)

    def __init__(self, answer: T) -> None:
        self._answer = answer

    def __await__(self) -> Generator[None, None, T]:
        return self._answer
        yield  # makes it a generator that never waits
