"""Every row of the conformance matrix has a test that bears its id."""

import pytest

from support.conformance import matrix, rows_of, written_tests

GROUPS = tuple(dict.fromkeys(row.partition("-")[0] for row in matrix()))


@pytest.mark.parametrize("group", GROUPS)
def test_every_row_has_a_test(group: str) -> None:
    """Under tests/e2e, where only wire and files are touched."""
    written = written_tests()
    missing = [row for row in matrix() if row.startswith(group) and row not in written]

    assert missing == []


def test_no_test_bears_the_id_of_a_row_that_is_not_there() -> None:
    """A slip of the pen would prove nothing."""
    assert written_tests().keys() <= set(matrix())


def test_the_matrix_names_each_row_once() -> None:
    """Its ids are what everything hangs on."""
    assert len(set(matrix())) == len(matrix()) > 0


def test_a_name_may_bear_several_ids() -> None:
    """Or none."""
    assert rows_of("test_INT_017_and_INT_018_it_is_signed") == ("INT-017", "INT-018")
    assert rows_of("test_ES256_is_the_default") == ()
