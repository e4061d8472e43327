"""Which node of a cluster has which slot: the rules, without the asking."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from adapters.redis.address import Endpoint
from adapters.redis.failures import NoPrimary

SlotRange = tuple[int, int, Endpoint]

_EPOCH: Final = b"cluster_current_epoch:"


@dataclass(frozen=True)
class SlotMap:
    """Who has what.

    Attributes:
        ranges: The first and the last slot, and the primary that has them.

        epoch: How often slots have changed hands, roughly: the higher, the newer.
    """

    ranges: tuple[SlotRange, ...]
    epoch: int

    @classmethod
    def read(cls, info: bytes, slots: Iterable[Sequence[Any]], *, told_by: Endpoint) -> Self:
        """Read the replies to `CLUSTER INFO` and `CLUSTER SLOTS`."""
        epochs = [line for line in info.splitlines() if line.startswith(_EPOCH)]
        return cls(
            tuple(
                (first, last, endpoint_at(primary[0] or b"", primary[1], told_by=told_by))
                for first, last, primary, *_ in slots
            ),
            int(epochs[0].removeprefix(_EPOCH)),
        )

    @property
    def primaries(self) -> frozenset[Endpoint]:
        return frozenset(primary for _, _, primary in self.ranges)

    def find_primary(self, key: bytes) -> Endpoint | None:
        """Return who has the slot of *key*; None if nobody has it."""
        return self._by_slot[key_slot(key)]

    def primary_of(self, key: bytes) -> Endpoint:
        """Return who has the slot of *key*.

        Raises:
            NoPrimary: If nobody has it.
        """
        primary = self.find_primary(key)
        if primary is None:
            raise NoPrimary(f"no node of the cluster has slot {key_slot(key)}")
        return primary

    @cached_property
    def _by_slot(self) -> Sequence[Endpoint | None]:
        table: list[Endpoint | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for first, last, primary in self.ranges:
            table[first : last + 1] = [primary] * (last - first + 1)
        return table


def endpoint_at(host: bytes | str, port: int, *, told_by: Endpoint) -> Endpoint:
    """Return where a node is; one that does not know its own address is where we asked."""
    name = host.decode() if isinstance(host, bytes) else host
    return Endpoint(name if name not in ("", "?") else told_by.host, port)


def judge(maps: Mapping[Endpoint, SlotMap]) -> SlotMap:
    """Return the newest of what nodes say.

    More than half of the primaries have to be heard, since those who replace
    one are more than half: so one that knows of it would be among them.

    Raises:
        NoPrimary: If too few are heard.
    """
    if not maps:
        raise NoPrimary("no node of the cluster answers")
    newest = max(maps.values(), key=lambda told: told.epoch)
    heard = len(newest.primaries & maps.keys())
    if 2 * heard <= len(newest.primaries):
        raise NoPrimary(f"{heard} of {len(newest.primaries)} primaries of the cluster answer")
    return newest


def by_slot(keys: Collection[bytes]) -> Sequence[Sequence[int]]:
    """Group keys, each given by its place, by the slot they are in."""
    groups: dict[int, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key_slot(key), []).append(place)
    return list(groups.values())
