from adapters.findings import Severity
from adapters.redis.cluster_findings import examine_cluster
from adapters.redis.primary_findings import PrimaryFacts

LINKED = {"slave0": {"state": "online", "offset": 0, "lag": 0}}


def primary(
    *, state: str = "ok", served: int = 16_384, replicas: bool = True, full_coverage: str = "no"
) -> PrimaryFacts:
    return PrimaryFacts(
        info=LINKED if replicas else {},
        directives={"cluster-require-full-coverage": full_coverage},
        cluster={"cluster_state": state, "cluster_slots_ok": str(served)},
    )


def three(**first: object) -> dict[str, PrimaryFacts]:
    return {"a:1": primary(**first), "b:2": primary(), "c:3": primary()}  # type: ignore[arg-type]  # as primary takes them


def test_a_cluster_that_serves_all_slots_is_good() -> None:
    (finding,) = examine_cluster(three())

    assert finding.severity is Severity.GOOD
    assert "3 primaries serve all 16384 slots" in finding.sentence


def test_what_is_no_cluster_has_no_findings() -> None:
    """Of one server and of Sentinels other files tell."""
    assert list(examine_cluster({"a:1": PrimaryFacts(info={})})) == []


def test_slots_that_nobody_serves_are_a_fault() -> None:
    """By the node that sees it worst."""
    (finding,) = examine_cluster(three(state="fail", served=10_923))

    assert finding.severity is Severity.FAULT
    assert "10923 of 16384 slots are served, and a:1 calls the cluster down" in finding.sentence


def test_a_primary_that_does_not_answer_is_a_fault() -> None:
    """By its address."""
    (finding,) = examine_cluster(three(), silent=["d:4"])

    assert finding.severity is Severity.FAULT
    assert "d:4 does not answer" in finding.sentence


def test_a_primary_without_replica_is_noted() -> None:
    """By its address."""
    (_, finding) = examine_cluster(three(replicas=False))

    assert finding.severity is Severity.NOTE
    assert "a:1 has no replica" in finding.sentence


def test_a_cluster_that_stops_as_a_whole_is_noted() -> None:
    """With the directive."""
    (_, finding) = examine_cluster(three(full_coverage="yes"))

    assert finding.severity is Severity.NOTE
    assert "cluster-require-full-coverage no" in finding.remedy


def test_too_few_primaries_to_elect_another_are_noted() -> None:
    (_, finding) = examine_cluster({"a:1": primary(), "b:2": primary()})

    assert finding.severity is Severity.NOTE
    assert "of 2 primaries no majority is left" in finding.sentence
