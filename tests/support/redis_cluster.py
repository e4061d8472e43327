"""Redis Cluster for tests: three masters, their replicas, and slots that move."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, pairwise
from pathlib import Path
from typing import Final, Self

from support.free_ports import free_ports
from support.polling import wait_until
from support.redis_certificates import RedisCertificates
from support.redis_server import RedisServer

SLOTS: Final = 16_384

_MASTERS = 3
_IMPATIENT = ("--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0")
_WHOLE_WITHIN = 30.0
_MOVE_AT_ONCE = 100
_MOVE_WITHIN = 5_000


class ClusterDeployment:
    """Three masters, each with a third of the slots and as many replicas as asked.

    A master that is away for a second is replaced by a replica within three more.

    Attributes:
        servers: All nodes; the first three begin as the masters.
    """

    def __init__(
        self,
        folder: Path,
        options: tuple[str, ...],
        replicas: int,
        certificates: RedisCertificates | None,
        password: str | None,
    ) -> None:
        self._scheme = "redis+cluster" if certificates is None else "rediss+cluster"
        count = _MASTERS * (1 + replicas)
        ports = free_ports(2 * count)
        tls = () if certificates is None else ("--tls-cluster", "yes")
        self.servers = [
            RedisServer(
                folder / str(port),
                *("--cluster-enabled", "yes", "--cluster-port", str(bus), *tls),
                *_IMPATIENT,
                *options,
                port=port,
                certificates=certificates,
                password=password,
            )
            for port, bus in zip(ports[:count], ports[count:], strict=True)
        ]
        self._buses = ports[count:]
        self._credentials = ("AUTH", password) if password is not None else ()
        self._running = ExitStack()

    @classmethod
    def start(
        cls,
        folder: Path,
        *options: str,
        replicas: int = 1,
        certificates: RedisCertificates | None = None,
        password: str | None = None,
    ) -> Self:
        """Start everything; all slots are served and replicas are linked when this returns.

        Args:
            replicas: How many each master has.
        """
        deployment = cls(folder, options, replicas, certificates, password)
        try:
            deployment._launch()
        except BaseException:
            deployment.stop()
            raise
        return deployment

    @property
    def url(self) -> str:
        where = ",".join(server.address for server in self.servers[:_MASTERS])
        return f"{self._scheme}://{where}"

    @property
    def masters(self) -> list[RedisServer]:
        """Those that own slots, as the nodes that are well see it."""
        return [server for server in self.servers if server.is_master and _owns_slots(server)]

    def master_of(self, slot: int) -> RedisServer:
        """Return the owner of a slot."""
        return self._by_id(_owner(self._witness(), slot))

    def master_of_key(self, key: str) -> RedisServer:
        return self.master_of(self.slot_of(key))

    def slot_of(self, key: str) -> int:
        return int(self._witness().command("CLUSTER", "KEYSLOT", key))

    def replicas_of(self, master: RedisServer) -> list[RedisServer]:
        """Return the replicas of a master, which may be away."""
        name = _id(self._witness(), master)
        return [self._by_id(line[0]) for line in _nodes(self._witness()) if line[3] == name]

    def wait_for_failover(self, old: RedisServer) -> None:
        """Return once the old master owns nothing and the others serve all slots."""
        wait_until(lambda: self._is_replaced(old))

    def wait_until_whole(self) -> None:
        """Return once every node is well, all agree on who owns what, and replicas are linked."""
        wait_until(self._is_whole, within=_WHOLE_WITHIN)

    def begin_migration(self, slot: int, target: RedisServer) -> None:
        """Open a slot: its owner answers ASK for keys that it has no more."""
        source = self.master_of(slot)
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", _own_id(source))
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", _own_id(target))

    def move_keys(self, slot: int, target: RedisServer) -> None:
        """Move the keys of a slot that was opened."""
        source = self.master_of(slot)
        host, port = target.address.split(":")
        while keys := source.command("CLUSTER", "GETKEYSINSLOT", slot, _MOVE_AT_ONCE):
            source.command(
                *("MIGRATE", host, port, "", 0, _MOVE_WITHIN),
                *(*self._credentials, "KEYS", *keys),
            )

    def end_migration(self, slot: int, target: RedisServer) -> None:
        """Make the target the owner, and wait until all nodes know."""
        name = _own_id(target)
        source = self.master_of(slot)
        for server in (target, source):
            server.command("CLUSTER", "SETSLOT", slot, "NODE", name)
        wait_until(
            lambda: all(_owner(server, slot) == name for server in self.servers if server.is_well)
        )

    def migrate(self, slot: int, target: RedisServer) -> None:
        """Move a slot with its keys to another master."""
        self.begin_migration(slot, target)
        self.move_keys(slot, target)
        self.end_migration(slot, target)

    def flush(self) -> None:
        """Forget everything."""
        for server in self.servers:
            if server.is_well:
                _flush_unless_replica(server)

    def stop(self) -> None:
        self._running.close()

    def _launch(self) -> None:
        for server in self.servers:
            self._running.callback(server.kill)
            server.launch()
        for server in self.servers:
            server.wait_until_alive()
        masters, replicas = self.servers[:_MASTERS], self.servers[_MASTERS:]
        for number, (master, slots) in enumerate(zip(masters, _shares(), strict=True), start=1):
            master.command("CLUSTER", "ADDSLOTSRANGE", slots.start, slots.stop - 1)
            master.command("CLUSTER", "SET-CONFIG-EPOCH", number)
        for server, bus in zip(self.servers[1:], self._buses[1:], strict=True):
            self.servers[0].command("CLUSTER", "MEET", *server.address.split(":"), bus)
        wait_until(lambda: all(map(self._knows_everybody, self.servers)), within=_WHOLE_WITHIN)
        for replica, master in zip(replicas, cycle(masters), strict=False):
            replica.command("CLUSTER", "REPLICATE", _own_id(master))
        self.wait_until_whole()

    def _knows_everybody(self, server: RedisServer) -> bool:
        return len([line for line in _nodes(server) if "handshake" not in line[2]]) == len(
            self.servers
        )

    def _is_whole(self) -> bool:
        return (
            all(server.is_well and _serves_all(server) for server in self.servers)
            and len({_shape(server) for server in self.servers}) == 1
            and all(_owns_slots(server) or server.is_linked for server in self.servers)
        )

    def _is_replaced(self, old: RedisServer) -> bool:
        return all(
            _serves_all(server) and not _has_slots(_line_of(server, old))
            for server in self.servers
            if server.is_well and server is not old
        )

    def _witness(self) -> RedisServer:
        return next(server for server in self.servers if server.is_well)

    def _by_id(self, name: str) -> RedisServer:
        (address,) = (line[1] for line in _nodes(self._witness()) if line[0] == name)
        return next(server for server in self.servers if address.startswith(f"{server.address}@"))


def _shares() -> Iterator[range]:
    bounds = [SLOTS * number // _MASTERS for number in range(_MASTERS + 1)]
    return (range(first, end) for first, end in pairwise(bounds))


def _nodes(witness: RedisServer) -> list[list[str]]:
    """Return the lines of CLUSTER NODES: id, address, flags, master, …, slots."""
    return [line.split() for line in witness.command("CLUSTER", "NODES").splitlines()]


def _flush_unless_replica(server: RedisServer) -> None:
    try:
        server.flush()
    except RuntimeError as refusal:
        if not str(refusal).startswith("READONLY"):
            raise


def _shape(witness: RedisServer) -> frozenset[tuple[str, ...]]:
    """Return who owns which slots, and who follows whom."""
    return frozenset((line[0], line[3], *line[8:]) for line in _nodes(witness))


def _line_of(witness: RedisServer, server: RedisServer) -> list[str]:
    return next(line for line in _nodes(witness) if line[1].startswith(f"{server.address}@"))


def _id(witness: RedisServer, server: RedisServer) -> str:
    return _line_of(witness, server)[0]


def _own_id(server: RedisServer) -> str:
    return str(server.command("CLUSTER", "MYID"))


def _owns_slots(server: RedisServer) -> bool:
    return _has_slots(_line_of(server, server))


def _has_slots(line: Sequence[str]) -> bool:
    return any(not word.startswith("[") for word in line[8:])


def _owner(witness: RedisServer, slot: int) -> str:
    for line in _nodes(witness):
        for word in line[8:]:
            first, _, last = word.partition("-")
            if not word.startswith("[") and int(first) <= slot <= int(last or first):
                return line[0]
    raise LookupError(f"nobody owns slot {slot}")


def _serves_all(server: RedisServer) -> bool:
    return "cluster_state:ok" in server.command("CLUSTER", "INFO")
