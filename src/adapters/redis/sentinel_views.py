"""Which server is the primary, as Sentinels tell it: the rule, without the asking."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from adapters.redis.address import Endpoint
from adapters.redis.failures import NoPrimary
from adapters.redis.watch import Contradicted

_BEING_REPLACED: Final = frozenset({"o_down", "failover_in_progress", "force_failover"})
_SILENT: Final = "s_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentinelView:
    """What one Sentinel says.

    Attributes:
        seen_by: Which Sentinel it is.

        primary: Whom it holds to be the primary.

        epoch: How often the primary has been replaced, roughly: the higher, the newer.

        flags: What it thinks of the primary.

        quorum: How many Sentinels have to miss the primary before they replace it.

        others: The other Sentinels it knows of, and where they are.
    """

    seen_by: str
    primary: Endpoint
    epoch: int
    flags: frozenset[str]
    quorum: int
    others: Mapping[str, Endpoint]

    @classmethod
    def read(
        cls, seen_by: bytes, primary: Mapping[bytes, Any], others: Collection[Mapping[bytes, Any]]
    ) -> Self:
        """Read the replies to `SENTINEL MYID`, `MASTER` and `SENTINELS`."""
        return cls(
            seen_by=seen_by.decode(),
            primary=_endpoint(primary),
            epoch=int(primary[b"config-epoch"]),
            flags=frozenset(primary[b"flags"].decode().split(",")),
            quorum=int(primary[b"quorum"]),
            others={other[b"runid"].decode(): _endpoint(other) for other in others},
        )


def judge(views: Collection[SentinelView]) -> Endpoint:
    """Return the primary.

    More than half of all Sentinels that anybody knows of have to be heard,
    since those who replace a primary are more than half: so one of them would
    be among us. The newest of what they say counts. A primary that is missed
    is none, since another may become it any moment.

    Raises:
        NoPrimary: If too few Sentinels are heard.
        Contradicted: If they are about to replace the primary.
    """
    known = {view.seen_by for view in views}.union(*(view.others for view in views))
    if 2 * len(views) <= len(known):
        raise NoPrimary(f"{len(views)} of {len(known)} Sentinels answer")
    newest = max(views, key=lambda view: view.epoch)
    of_it = [view for view in views if view.primary == newest.primary]
    flags = Counter(flag for view in of_it for flag in view.flags)
    if flags.keys() & _BEING_REPLACED or flags[_SILENT] >= newest.quorum:
        raise Contradicted(f"the Sentinels miss the primary {newest.primary}, or replace it")
    return newest.primary


def _endpoint(facts: Mapping[bytes, Any]) -> Endpoint:
    return Endpoint(facts[b"ip"].decode(), int(facts[b"port"]))
