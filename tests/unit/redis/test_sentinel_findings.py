from adapters.findings import Severity
from adapters.redis.address import Endpoint
from adapters.redis.sentinel_findings import examine_sentinels
from adapters.redis.sentinel_views import SentinelView

NAMES = ("s1", "s2", "s3")


def view(name: str, *, primary: str = "10.0.0.1", known: tuple[str, ...] = NAMES) -> SentinelView:
    return SentinelView(
        seen_by=name,
        primary=Endpoint(primary),
        epoch=0,
        flags=frozenset({"master"}),
        quorum=2,
        others={other: Endpoint(other) for other in known if other != name},
    )


def test_sentinels_that_agree_are_good() -> None:
    (finding,) = examine_sentinels({name: view(name) for name in NAMES})

    assert finding.severity is Severity.GOOD
    assert "3 Sentinels agree on 10.0.0.1:6379; 2 of them" in finding.sentence


def test_no_sentinels_have_no_findings() -> None:
    """There are none, where Redis is not under Sentinel."""
    assert list(examine_sentinels({})) == []


def test_a_sentinel_that_does_not_answer_is_noted() -> None:
    """By its address."""
    (finding,) = examine_sentinels({"s1": view("s1"), "s2": view("s2"), "s3": None})

    assert finding.severity is Severity.NOTE
    assert "of 3 Sentinels 2 answer; not s3" in finding.sentence


def test_too_few_sentinels_to_replace_a_primary_are_a_fault() -> None:
    """More than half have to answer, and as many as the quorum says."""
    _, finding = examine_sentinels({"s1": view("s1"), "s2": None, "s3": None})

    assert finding.severity is Severity.FAULT
    assert "1 of 3 Sentinels cannot replace the primary" in finding.sentence


def test_sentinels_that_do_not_agree_are_a_fault() -> None:
    """As while a failover is under way."""
    views = {name: view(name) for name in NAMES} | {"s3": view("s3", primary="10.0.0.2")}

    (finding,) = examine_sentinels(views)

    assert finding.severity is Severity.FAULT
    assert "10.0.0.1:6379, 10.0.0.2:6379" in finding.sentence


def test_fewer_than_three_sentinels_are_noted() -> None:
    """Of two none may be away."""
    pair = ("s1", "s2")

    _, finding = examine_sentinels({name: view(name, known=pair) for name in pair})

    assert finding.severity is Severity.NOTE
    assert "of 2 Sentinels none may be away" in finding.sentence
