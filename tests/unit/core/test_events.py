"""What `docs/audit.md` says of events is said of every one of them."""

from domain.model.events import (
    EVERYWHERE,
    MEANINGS,
    MEMBERS,
    ORIGIN,
    OUTCOMES,
    EventKind,
    Outcome,
)


def test_the_table_of_meanings_is_total() -> None:
    """A new kind without a meaning fails here and not in a worker."""
    assert set(MEANINGS) == set(EventKind)
    assert set(OUTCOMES) == set(Outcome)


def test_what_a_meaning_names_is_a_member_of_lines_in_their_order() -> None:
    order = list(MEMBERS)
    for kind, meaning in MEANINGS.items():
        places = [order.index(name) for name in meaning.members]
        assert not {*EVERYWHERE, *ORIGIN} & set(meaning.members), kind
        assert places == sorted(set(places)), kind


def test_every_member_is_of_use_to_some_event() -> None:
    """One that no event carries is a promise nobody keeps."""
    used = {name for meaning in MEANINGS.values() for name in meaning.members}

    assert used | {*EVERYWHERE, *ORIGIN} == set(MEMBERS)


def test_what_a_refusal_says_is_why() -> None:
    refusals = [it for it in MEANINGS.values() if it.outcome is Outcome.REFUSED]

    assert refusals
    assert all("reason" in meaning.members for meaning in refusals)
