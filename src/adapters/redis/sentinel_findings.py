"""What an operator should know of the Sentinels."""

from collections.abc import Iterator, Mapping

from adapters.findings import Finding, Severity
from adapters.redis.sentinel_views import SentinelView

_ENOUGH_TO_LOSE_ONE = 3


def examine_sentinels(sentinels: Mapping[str, SentinelView | None]) -> Iterator[Finding]:
    """Judge the Sentinels by what each says; None is one that does not answer."""
    views = [view for view in sentinels.values() if view is not None]
    if not views:
        return
    known = len({view.seen_by for view in views}.union(*(view.others for view in views)))
    named = {str(view.primary) for view in views}
    quorum = max(view.quorum for view in views)
    silent = [place for place, view in sentinels.items() if view is None]
    if silent:
        yield Finding(
            Severity.NOTE,
            f"of {known} Sentinels {len(views)} answer; not {', '.join(silent)}",
            "start them again, or redis-cli SENTINEL RESET SERVICE on the others, one by one",
        )
    if len(named) > 1:
        yield Finding(
            Severity.FAULT,
            f"the Sentinels do not agree on the primary: they name {', '.join(sorted(named))}",
            "redis-cli SENTINEL MASTER SERVICE on each of them",
        )
    if len(views) < max(quorum, known // 2 + 1):
        yield Finding(
            Severity.FAULT,
            f"{len(views)} of {known} Sentinels cannot replace the primary: the quorum is "
            f"{quorum}, and more than half have to answer",
            "bring Sentinels back",
        )
    elif not silent and len(named) == 1:
        yield Finding(
            Severity.GOOD,
            f"{known} Sentinels agree on {min(named)}; {quorum} of them have to miss it before it "
            "is replaced",
        )
    if known < _ENOUGH_TO_LOSE_ONE:
        yield Finding(
            Severity.NOTE,
            f"of {known} Sentinels none may be away when the primary is to be replaced",
            "run three, on hosts of their own",
        )
