"""Whether a Redis is one that may be trusted with revocations (D7)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from adapters.findings import Finding
from adapters.redis import permissions
from adapters.redis.address import Endpoint
from adapters.redis.cluster_findings import examine_cluster
from adapters.redis.connection import RedisConnection
from adapters.redis.primary_findings import DIRECTIVES, PrimaryFacts, examine
from adapters.redis.scripts import LIST_REFUSED
from adapters.redis.sentinel_findings import examine_sentinels
from adapters.redis.slots import endpoint_at
from domain.errors import Unavailable


async def inspect(connection: RedisConnection, *, wait_replicas: int = 0) -> Sequence[Finding]:
    """Look at how Redis is set up and tell what an operator should know of it.

    Every primary is looked at. What one that is hosted does not tell is left out.

    Raises:
        Unavailable: If one of them cannot be asked at all.
    """
    primaries = await _look(connection, waits=wait_replicas > 0)
    found = {
        place: tuple(examine(facts, wait_replicas=wait_replicas))
        for place, facts in primaries.items()
    }
    return (
        *_gather(found),
        *examine_cluster(primaries, silent=await _silent(connection, primaries)),
        *examine_sentinels(await connection.hear_sentinels()),
    )


async def _silent(
    connection: RedisConnection, primaries: Mapping[str, PrimaryFacts]
) -> Sequence[str]:
    """Return the primaries that the others know of and that do not answer."""
    if not any(facts.cluster for facts in primaries.values()):
        return ()
    named: set[str] = set()
    for place, slots in (await connection.ask_each("CLUSTER", "SLOTS")).items():
        told_by = Endpoint(place.rpartition(":")[0].strip("[]"))
        named |= {
            str(endpoint_at(primary[0] or b"", primary[1], told_by=told_by))
            for _, _, primary, *_ in slots
        }
    return sorted(named - primaries.keys())


async def _look(connection: RedisConnection, *, waits: bool) -> Mapping[str, PrimaryFacts]:
    infos: Mapping[str, Mapping[str, Any]] = await connection.ask_each("INFO")
    in_cluster = any(info.get("cluster_enabled") == 1 for info in infos.values())
    directives: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for directive in DIRECTIVES:
        for place, told in (await _ask_if_allowed(connection, "CONFIG", "GET", directive)).items():
            directives[place] |= told
    refused = await _refused(connection, infos, in_cluster=in_cluster, waits=waits)
    cluster = await connection.ask_each("CLUSTER", "INFO") if in_cluster else {}
    return {
        place: PrimaryFacts(
            info=info,
            directives=directives[place],
            refused=refused.get(place, ()),
            cluster=_fields(cluster.get(place, b"")),
        )
        for place, info in infos.items()
    }


async def _refused(
    connection: RedisConnection,
    infos: Mapping[str, Mapping[str, Any]],
    *,
    in_cluster: bool,
    waits: bool,
) -> Mapping[str, Sequence[str]]:
    commands = permissions.needed(in_cluster=in_cluster, waits=waits)
    script = LIST_REFUSED.source.decode()
    try:
        answers = await connection.ask_each("EVAL", script, "0", *commands)
    except Unavailable as unavailable:
        if not isinstance(unavailable.__cause__, NoPermissionError):
            raise
        return dict.fromkeys(infos, ("eval",))
    return {
        place: permissions.names(command.decode() for command in refused)
        for place, refused in answers.items()
    }


async def _ask_if_allowed(connection: RedisConnection, *words: str) -> Mapping[str, Any]:
    try:
        return await connection.ask_each(*words)
    except Unavailable as unavailable:
        if isinstance(unavailable.__cause__, ResponseError):  # as a hosted Redis says
            return {}
        raise


def _gather(found: Mapping[str, Iterable[Finding]]) -> Iterator[Finding]:
    """Tell what several primaries have in common once, and of the others which one it is."""
    places: defaultdict[Finding, list[str]] = defaultdict(list)
    for place, findings in found.items():
        for finding in findings:
            places[finding].append(place)
    for finding, where in places.items():
        everywhere = len(where) == len(found) > 1
        who = "every primary" if everywhere else ", ".join(where)
        yield replace(finding, sentence=f"{who}: {finding.sentence}")


def _fields(text: bytes) -> Mapping[str, str]:
    lines = (line.partition(":") for line in text.decode().splitlines())
    return {name: value for name, colon, value in lines if colon}
