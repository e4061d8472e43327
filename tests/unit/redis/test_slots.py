import pytest

from adapters.redis.address import Endpoint
from adapters.redis.failures import NoPrimary
from adapters.redis.slots import SlotMap, by_slot, judge

A, B, C, D = (Endpoint("node", port) for port in (1, 2, 3, 4))
INFO = b"cluster_state:ok\r\ncluster_current_epoch:%d\r\ncluster_my_epoch:2\r\n"


def slot_map(epoch: int, *primaries: Endpoint) -> SlotMap:
    return SlotMap(
        tuple((number, number, primary) for number, primary in enumerate(primaries)), epoch
    )


def test_a_map_is_read_from_what_a_node_says() -> None:
    """Replicas behind a primary are nobody to ask; a node may not know its own address."""
    slots = [
        [0, 8191, [b"one", 7000, b"id", []], [b"replica", 7001, b"id", []]],
        [8192, 16383, [None, 7002, b"id", []]],
    ]

    told = SlotMap.read(INFO % 7, slots, told_by=Endpoint("asked", 7002))

    assert told.epoch == 7
    assert told.primaries == {Endpoint("one", 7000), Endpoint("asked", 7002)}
    assert told.primary_of(b"grantd:{000}:client:a") == Endpoint("asked", 7002)  # slot 13907
    assert told.primary_of(b"grantd:{001}:client:a") == Endpoint("asked", 7002)  # slot 9842
    assert told.primary_of(b"grantd:{002}:client:a") == Endpoint("one", 7000)  # slot 5649


def test_a_slot_that_nobody_has_is_told_of() -> None:
    """As while a cluster is put together."""
    assert slot_map(1, A).find_primary(b"grantd:{000}:client:a") is None
    with pytest.raises(NoPrimary, match="slot"):
        slot_map(1, A).primary_of(b"grantd:{000}:client:a")


def test_the_newest_map_counts() -> None:
    """A node that was away still tells of the time before."""
    before, since = slot_map(5, A, B, C), slot_map(6, D, B, C)

    assert judge({A: before, B: since, C: since}) == since


@pytest.mark.parametrize("heard", [(), (A,), (D,), (A, D)])
def test_a_map_that_half_of_the_primaries_do_not_confirm_is_none(
    heard: tuple[Endpoint, ...],
) -> None:
    """They may be on the wrong side of a cut network."""
    with pytest.raises(NoPrimary):
        judge({node: slot_map(5, A, B, C) for node in heard})


def test_keys_are_grouped_by_slot() -> None:
    """In a cluster no command may name keys of two slots."""
    keys = [b"grantd:{a}:x", b"grantd:{b}:x", b"grantd:{a}:y"]

    assert by_slot(keys) == [[0, 2], [1]]
