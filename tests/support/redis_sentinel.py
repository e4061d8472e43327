"""Redis under Sentinel for tests: a master, two replicas, and who elects another master."""

import hashlib
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Final, Self

from support.free_ports import HOST, free_ports
from support.polling import wait_until
from support.redis_certificates import RedisCertificates
from support.redis_process import RedisProcess
from support.redis_server import RedisServer

SERVICE: Final = "grantd"

_REPLICAS = 2
_SENTINELS = 3
_QUORUM = 2
_PATIENCE = {
    "down-after-milliseconds": "1000",
    "failover-timeout": "2000",  # after a vote that nobody won, the next is twice as far away
    "parallel-syncs": str(_REPLICAS),
}
# What Sentinel else does every one, two or ten seconds.
_IMPATIENCE = {"info-period": 500, "publish-period": 500, "ask-period": 250}


class SentinelDeployment:
    """One master, two replicas and three sentinels, two of which have to agree.

    A master that is away for a second is replaced within three more. One that
    comes back is made a replica.

    Attributes:
        servers: All that hold data; the first one begins as the master.
        sentinels: Those who watch over it.
    """

    def __init__(
        self,
        folder: Path,
        options: tuple[str, ...],
        certificates: RedisCertificates | None,
        password: str | None,
        sentinel_password: str | None,
    ) -> None:
        self._scheme = "redis+sentinel" if certificates is None else "rediss+sentinel"
        ports = free_ports(1 + _REPLICAS + _SENTINELS)
        self.servers = [
            RedisServer(
                folder / str(port),
                *(() if port == ports[0] else ("--replicaof", *_at(ports[0]))),
                *options,
                port=port,
                certificates=certificates,
                password=password,
            )
            for port in ports[: 1 + _REPLICAS]
        ]
        watchers = ports[1 + _REPLICAS :]
        self.sentinels = [
            RedisProcess(
                folder / str(port),
                port,
                (
                    *_watching(self.servers, port, watchers),
                    *(("--sentinel", "auth-pass", SERVICE, password) if password else ()),
                    *_guarded(sentinel_password),
                ),
                flags=("--sentinel",),
                certificates=certificates,
                password=sentinel_password,
            )
            for port in watchers
        ]
        self._running = ExitStack()

    @classmethod
    def start(
        cls,
        folder: Path,
        *options: str,
        certificates: RedisCertificates | None = None,
        password: str | None = None,
        sentinel_password: str | None = None,
    ) -> Self:
        """Start everything; replicas are linked and sentinels agree when this returns.

        Args:
            options: Further options of the servers.
            password: What the servers ask for.
            sentinel_password: What the sentinels ask for.
        """
        deployment = cls(folder, options, certificates, password, sentinel_password)
        try:
            deployment._launch()
        except BaseException:
            deployment.stop()
            raise
        return deployment

    @property
    def url(self) -> str:
        where = ",".join(sentinel.address for sentinel in self.sentinels)
        return f"{self._scheme}://{where}/{SERVICE}/0"

    @property
    def master(self) -> RedisServer:
        """The server that sentinels name."""
        watcher = next(sentinel for sentinel in self.sentinels if sentinel.is_well)
        _, port = watcher.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.servers if server.port == int(port))

    @property
    def replicas(self) -> list[RedisServer]:
        master = self.master
        return [server for server in self.servers if server is not master]

    def wait_for_failover(self, old: RedisServer) -> RedisServer:
        """Return the new master, once all sentinels name it and it takes itself for one."""
        wait_until(lambda: self._named(old) is not None and self.master.is_master)
        return self.master

    def wait_until_whole(self) -> None:
        """Return once there is one master, and all others are linked to it."""
        wait_until(self._is_whole, within=30)

    def remind(self, sentinel: RedisProcess) -> None:
        """Tell a sentinel that has forgotten the master who it is; the rest it finds out."""
        sentinel.command("SENTINEL", "MONITOR", SERVICE, *_at(self.master.port), _QUORUM)
        sentinel.command("SENTINEL", "SET", SERVICE, *chain(*_PATIENCE.items()))

    def flush(self) -> None:
        """Forget everything."""
        self.master.flush()

    def stop(self) -> None:
        self._running.close()

    def _launch(self) -> None:
        everybody = (*self.servers, *self.sentinels)
        for process in everybody:
            self._running.callback(process.kill)
            process.launch()
        for process in everybody:
            process.wait_until_alive()
        for sentinel in self.sentinels:
            for parameter, milliseconds in _IMPATIENCE.items():
                sentinel.command("SENTINEL", "DEBUG", parameter, milliseconds)
        self.wait_until_whole()

    def _is_whole(self) -> bool:
        try:
            return (
                self.master.is_master
                and all(replica.is_well and replica.is_linked for replica in self.replicas)
                and all(map(_has_a_quorum, self.sentinels))
            )
        except ConnectionError:  # a Sentinel cuts the connections of whom it makes a replica
            return False

    def _named(self, old: RedisServer) -> int | None:
        """Return the port of the master that all sentinels agree on, unless it is the old one."""
        named = {
            int(sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])
            for sentinel in self.sentinels
            if sentinel.is_well
        }
        return named.pop() if len(named) == 1 and old.port not in named else None


def _watching(servers: list[RedisServer], port: int, watchers: list[int]) -> list[str]:
    """Return what tells a sentinel of everybody, whom it would else get to know by and by."""
    master, *replicas = servers
    words = ["--sentinel", "myid", _name(port)]
    words += ["--sentinel", "monitor", SERVICE, *_at(master.port), str(_QUORUM)]
    for parameter, value in _PATIENCE.items():
        words += ["--sentinel", parameter, SERVICE, value]
    for replica in replicas:
        words += ["--sentinel", "known-replica", SERVICE, *_at(replica.port)]
    for other in watchers:
        if other != port:
            words += ["--sentinel", "known-sentinel", SERVICE, *_at(other), _name(other)]
    return words


def _guarded(password: str | None) -> tuple[str, ...]:
    if password is None:
        return ()
    return ("--requirepass", password, "--sentinel", "sentinel-pass", password)


def _name(port: int) -> str:
    return hashlib.sha1(str(port).encode(), usedforsecurity=False).hexdigest()


def _at(port: int) -> tuple[str, str]:
    return (HOST, str(port))


def _has_a_quorum(sentinel: RedisProcess) -> bool:
    try:
        return str(sentinel.command("SENTINEL", "CKQUORUM", SERVICE)).startswith("OK")
    except RuntimeError:
        return False
