import re
from datetime import timedelta

import pytest

from domain.errors import GrantdError, InvalidScope, Unavailable, concrete_errors, presentable
from support.refusals import refusal_of

PUBLIC_TEXT = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


@pytest.mark.parametrize("error", list(concrete_errors()))
def test_a_refusal_keeps_its_two_texts_apart(error: type[GrantdError]) -> None:
    """What the caller reads is fixed; what the operator reads is not in it (D9)."""
    refusal = refusal_of(error, "MARKER for operators")

    assert PUBLIC_TEXT.fullmatch(refusal.description)
    assert "MARKER" not in refusal.description + refusal.hint
    assert refusal.detail == "MARKER for operators"
    assert str(refusal_of(error)) == error.description


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain text!", "plain text!"),
        ('a"b\\c', "a?b?c"),
        ("ä\x00\r\n\x7f\ud800", "??????"),
        ("x" * 512, "x" * 512),
        ("x" * 513, "x" * 512 + "..."),
    ],
)
def test_a_hint_keeps_to_the_characters_and_length_of_a_reply(text: str, shown: str) -> None:
    """RFC 6749 §5.2 leaves out the quote and the backslash."""
    assert presentable(text) == shown
    assert InvalidScope(hint=text).hint == shown


def test_unavailable_says_when_to_come_back() -> None:
    assert Unavailable().retry_after == timedelta(seconds=1)
    assert Unavailable(retry_after=timedelta(seconds=5)).retry_after == timedelta(seconds=5)
