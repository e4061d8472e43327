"""Texts that people give to things, for others to read on their terminals."""

from typing import Final

LONGEST_LABEL: Final = 100
LONGEST_NAME: Final = 200
LONGEST_DESCRIPTION: Final = 1_000


def is_showable(text: str, *, longest: int) -> bool:
    return len(text) <= longest and text.isprintable()
