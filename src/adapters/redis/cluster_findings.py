"""What an operator should know of a cluster as a whole."""

from collections.abc import Iterator, Mapping, Sequence

from adapters.findings import Finding, Severity
from adapters.redis.primary_findings import PrimaryFacts, change

_SLOTS = 16_384
_ENOUGH_TO_ELECT = 3


def examine_cluster(
    primaries: Mapping[str, PrimaryFacts], *, silent: Sequence[str] = ()
) -> Iterator[Finding]:
    """Judge a cluster by its primaries; what is no cluster has no findings.

    Args:
        silent: Primaries that do not answer.
    """
    nodes = {place: facts for place, facts in primaries.items() if facts.cluster}
    if not nodes:
        return
    if silent:
        yield Finding(
            Severity.FAULT,
            f"{', '.join(silent)} {'does' if len(silent) == 1 else 'do'} not answer: whatever is "
            "there is answered 503, until it is back or a replica takes its place",
            "start it again",
        )
    else:
        yield from _coverage(nodes)
    yield from _elections(nodes)
    if any(
        facts.directives.get("cluster-require-full-coverage") == "yes" for facts in nodes.values()
    ):
        yield Finding(
            Severity.NOTE,
            "when a primary is lost and nobody takes its place, the others stop too "
            "(cluster-require-full-coverage)",
            change("cluster-require-full-coverage", "no", where="every node"),
        )


def _coverage(nodes: Mapping[str, PrimaryFacts]) -> Iterator[Finding]:
    down = [place for place, facts in nodes.items() if facts.cluster.get("cluster_state") != "ok"]
    served = min(int(facts.cluster.get("cluster_slots_ok", 0)) for facts in nodes.values())
    if down or served < _SLOTS:
        yield Finding(
            Severity.FAULT,
            f"{served} of {_SLOTS} slots are served, and {', '.join(down) or 'no node'} calls the "
            "cluster down: whatever is in the others is answered 503",
            "redis-cli --cluster check HOST:PORT, then bring the missing nodes back",
        )
    else:
        yield Finding(Severity.GOOD, f"{len(nodes)} primaries serve all {_SLOTS} slots")


def _elections(nodes: Mapping[str, PrimaryFacts]) -> Iterator[Finding]:
    if len(nodes) < _ENOUGH_TO_ELECT:
        yield Finding(
            Severity.NOTE,
            f"of {len(nodes)} primaries no majority is left when one is lost, so nobody can take "
            "its place",
            "redis-cli --cluster add-node, until there are three",
        )
    alone = [place for place, facts in nodes.items() if not facts.replicas]
    if alone:
        yield Finding(
            Severity.NOTE,
            f"{', '.join(alone)} {'has' if len(alone) == 1 else 'have'} no replica: what such a "
            "primary holds is answered 503 for as long as it is away",
            "redis-cli --cluster add-node NEW:PORT HOST:PORT --cluster-slave",
        )
