"""Reads that begin when they are asked for, not when they are awaited.

A use case asks for all it can foresee and then awaits the answers one by
one. A store gathers what was asked for (D2): a remote one makes one round
trip of a turn of the event loop, the embedded one a statement of what a
request asks for before it awaits anything. A reading may be awaited more than
once, or never; what was acknowledged before it began it MUST see.
"""

from collections.abc import Awaitable, Generator
from typing import Generic, TypeVar

T = TypeVar("T")

Reading = Awaitable[T]


class Ready(Generic[T]):
    """A reading whose answer is there already, as that of a store in memory is."""

    __slots__ = ("_answer",)

    def __init__(self, answer: T) -> None:
        self._answer = answer

    def __await__(self) -> Generator[None, None, T]:
        return self._answer
        yield  # makes it a generator that never waits
