"""Every error code has an entry in every edge's table, and the other way round."""

from adapters.grpc.errors import STATUS_CODE_OF_CLASS
from adapters.http.errors import STATUS, STATUS_OF_CLASS
from domain.errors import ErrorCode, concrete_errors


def test_every_code_is_some_refusals_code() -> None:
    """A code that nothing raises is dead, and a refusal without one cannot be rendered."""
    assert {error.code for error in concrete_errors()} == set(ErrorCode)


def test_the_http_table_is_total() -> None:
    """A new code without a status fails here and not in front of a client."""
    assert set(STATUS) == set(ErrorCode)


def test_http_statuses_by_class_are_of_refusals() -> None:
    """The second table refines the first; it does not stand in for it."""
    assert set(STATUS_OF_CLASS) <= set(concrete_errors())


def test_grpc_statuses_by_class_are_of_refusals() -> None:
    """Likewise."""
    assert set(STATUS_CODE_OF_CLASS) <= set(concrete_errors())


def test_http_statuses_say_that_something_was_refused() -> None:
    """No refusal is rendered as a success or as a redirection."""
    statuses = {*STATUS.values(), *STATUS_OF_CLASS.values()}

    assert all(400 <= status < 600 for status in statuses)
