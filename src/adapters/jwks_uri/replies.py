"""What comes of asking for a key set."""

from dataclasses import dataclass


class NotFetched(Exception):
    """There was no good answer in time."""


@dataclass(frozen=True, slots=True)
class Reply:
    body: bytes
    cache_control: str
