"""How patient the supervisor is with workers that end."""

from entrypoints.restarts import Restarts


def test_pauses_grow_and_patience_ends() -> None:
    """A worker that never gets ready is tried six times."""
    restarts = Restarts()

    pauses = [restarts.pause(served=0) for _ in range(6)]

    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, None]


def test_a_worker_that_proved_itself_is_started_anew_at_once() -> None:
    """However often that happens: each had served its minute."""
    restarts = Restarts()

    assert {restarts.pause(served=61) for _ in range(100)} == {0.1}


def test_a_worker_that_is_ready_and_dies_soon_is_no_better_than_one_that_never_was() -> None:
    """It would come and go for ever."""
    restarts = Restarts()

    assert [restarts.pause(served=5) for _ in range(6)][-1] is None


def test_who_waits_for_the_store_is_waited_for() -> None:
    """With pauses that do not grow for ever, and beside faults of its own."""
    restarts = Restarts()

    pauses = [restarts.pause(served=0, excused=True) for _ in range(50)]

    assert pauses[-1] == 5.0
    assert [restarts.pause(served=0) for _ in range(6)] == [5.0] * 5 + [None]
