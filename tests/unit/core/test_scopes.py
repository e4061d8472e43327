import pytest

from domain.errors import InvalidScope
from domain.model.scopes import Scope, require_within


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        ("a", ("a",)),
        ("b a", ("a", "b")),
        ("a a", ("a",)),
        ("A a", ("A", "a")),
        (
            "!#[]~ urn:x:y https://api.example/read",
            ("!#[]~", "https://api.example/read", "urn:x:y"),
        ),
    ],
)
def test_a_scope_is_a_sorted_set_of_tokens(text: str, values: tuple[str, ...]) -> None:
    """Order and repetition mean nothing, case does (RFC 6749 §3.3)."""
    assert Scope.parse(text).values == values
    assert str(Scope.parse(text)) == " ".join(values)


@pytest.mark.parametrize(
    "text",
    [
        *(" ", " a", "a ", "a  b"),
        *("a\tb", "a\nb", "a\r", "a\x00", "a\x7f", "a\u00a0b"),
        *('"', "\\", 'a"b', "a\\b", "é", "\ud800"),
    ],
)
def test_a_text_outside_the_grammar_is_refused(text: str) -> None:
    """Only single spaces delimit, and a token keeps to RFC 6749 App. A.4."""
    with pytest.raises(InvalidScope) as refusal:
        Scope.parse(text)

    assert refusal.value.hint == ""


def test_scopes_are_compared_as_sets() -> None:
    read, both = Scope.parse("read"), Scope.parse("write read")

    assert read <= both
    assert not both <= read
    assert Scope() <= read
    assert both - read == Scope.parse("write")
    assert both & read == read
    assert "read" in both
    assert "rea" not in both
    assert len(both) == 2


def test_what_is_within_the_ceiling_is_returned_as_it_was_asked_for() -> None:
    assert require_within(Scope.parse("a b"), Scope.parse("b")) == Scope.parse("b")


def test_what_exceeds_the_ceiling_is_refused_whole_and_named() -> None:
    """A client that asks for too much hears of which values."""
    with pytest.raises(InvalidScope) as refusal:
        require_within(Scope.parse("a b"), Scope.parse("a c d"))

    assert refusal.value.hint == "not granted: c d"


def test_a_refusal_names_ten_values_at_most() -> None:
    asked = Scope.of(f"s{number:02}" for number in range(30))

    with pytest.raises(InvalidScope) as refusal:
        require_within(Scope(), asked)

    named = refusal.value.hint.removeprefix("not granted: ").split(" ")
    assert named == [f"s{number:02}" for number in range(10)]
