from adapters.redis.circuit import Circuit


def opened() -> Circuit:
    circuit = Circuit()
    for _ in range(3):
        assert circuit.admits(0.0)
        circuit.failed(0.0)
    return circuit


def test_a_circuit_bears_a_failure_or_two() -> None:
    """A connection that was closed is no server that is away."""
    circuit = Circuit()

    for _ in range(10):
        circuit.failed(0.0)
        circuit.failed(0.0)
        assert circuit.admits(0.0)
        circuit.succeeded()


def test_an_open_circuit_admits_nobody_for_a_moment() -> None:
    """Three failures in a row open it."""
    assert not opened().admits(0.2)


def test_an_open_circuit_admits_one_at_a_time() -> None:
    """Whoever tries may take long, and the others are told at once."""
    circuit = opened()

    assert circuit.admits(0.3)
    assert not circuit.admits(0.3)
    circuit.failed(2.0)
    assert not circuit.admits(2.2)
    assert circuit.admits(2.3)


def test_a_success_closes_a_circuit() -> None:
    """For everybody."""
    circuit = opened()

    assert circuit.admits(0.3)
    circuit.succeeded()
    assert circuit.admits(0.3)
    assert circuit.admits(0.3)


def test_a_trial_that_tells_nothing_leaves_room_for_another() -> None:
    """Its caller went away before the reply came."""
    circuit = opened()

    assert circuit.admits(0.3)
    circuit.given_up()
    assert circuit.admits(0.3)
