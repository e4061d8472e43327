import pytest

from adapters.redis.address import Endpoint
from adapters.redis.failures import NoPrimary
from adapters.redis.sentinel_views import SentinelView, judge
from adapters.redis.watch import Contradicted

OLD, NEW = Endpoint("old"), Endpoint("new")
NAMES = ("one", "two", "three")


def view(
    seen_by: str, primary: Endpoint = OLD, *, epoch: int = 1, flags: str = "master"
) -> SentinelView:
    return SentinelView(
        seen_by=seen_by,
        primary=primary,
        epoch=epoch,
        flags=frozenset(flags.split(",")),
        quorum=2,
        others={name: Endpoint(name) for name in NAMES if name != seen_by},
    )


def test_a_view_is_read_from_what_a_sentinel_says() -> None:
    """Other facts are none of our business."""
    primary = {
        b"name": b"main",
        b"ip": b"old",
        b"port": b"6379",
        b"config-epoch": b"1",
        b"flags": b"master,s_down",
        b"quorum": b"2",
    }
    others = [
        {b"runid": name, b"ip": name, b"port": b"6379", b"name": b"-"}
        for name in (b"two", b"three")
    ]

    assert SentinelView.read(b"one", primary, others) == view("one", flags="master,s_down")


def test_two_of_three_sentinels_are_enough() -> None:
    """One may be away."""
    assert judge([view("one"), view("two")]) == OLD


def test_one_of_three_sentinels_is_not_enough() -> None:
    """The two others may have made another the primary."""
    with pytest.raises(NoPrimary, match="1 of 3"):
        judge([view("one")])


def test_no_sentinel_is_not_enough() -> None:
    """Nothing is known."""
    with pytest.raises(NoPrimary, match="0 of 0"):
        judge([])


def test_the_newest_of_what_sentinels_say_counts() -> None:
    """The others have not heard of it yet."""
    views = [view("one"), view("two", NEW, epoch=2), view("three", flags="master,o_down")]

    assert judge(views) == NEW


def test_a_primary_that_one_sentinel_misses_is_still_one() -> None:
    """That Sentinel may be badly connected."""
    assert judge([view("one", flags="master,s_down"), view("two"), view("three")]) == OLD


@pytest.mark.parametrize(
    "flags",
    [
        ("master,s_down", "master,s_down", "master"),
        ("master,s_down,o_down", "master", "master"),
        ("master,failover_in_progress", "master", "master"),
    ],
)
def test_a_primary_that_is_about_to_be_replaced_is_none(flags: tuple[str, ...]) -> None:
    """What it would answer may hold no longer as the answer comes."""
    with pytest.raises(Contradicted):
        judge([view(name, flags=said) for name, said in zip(NAMES, flags, strict=True)])
