"""A real redis-server for tests: durable, and mistreated at will."""

from pathlib import Path
from typing import Self

from support.free_ports import free_port
from support.polling import wait_until
from support.redis_certificates import RedisCertificates
from support.redis_process import RedisProcess


class RedisServer(RedisProcess):
    """One redis-server process, and the next ones on the same port and directory.

    Args:
        options: Further options, which stand over the usual ones; see `acl_user` for users.
        certificates: Makes it speak TLS alone; a client's certificate is
            asked for with `--tls-auth-clients yes`.
        password: The password of the default user, and towards a master.
        program: Which server it is, of those that speak Redis' protocol.
    """

    def __init__(
        self,
        directory: Path,
        *options: str,
        port: int | None = None,
        certificates: RedisCertificates | None = None,
        password: str | None = None,
        program: str = "redis-server",
    ) -> None:
        secured = ("--requirepass", password, "--masterauth", password) if password else ()
        super().__init__(
            directory,
            free_port() if port is None else port,
            (*_DURABLE, *_QUICK_TO_COPY, *secured, *options),
            certificates=certificates,
            password=password,
            program=program,
        )
        self._scheme = "redis" if certificates is None else "rediss"

    @classmethod
    def start(
        cls,
        directory: Path,
        *options: str,
        certificates: RedisCertificates | None = None,
        password: str | None = None,
        program: str = "redis-server",
    ) -> Self:
        """Start a server that writes into *directory* and answers when this returns."""
        server = cls(
            directory, *options, certificates=certificates, password=password, program=program
        )
        server.restart()
        return server

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.address}/0"

    @property
    def is_master(self) -> bool:
        """Whether it is well and takes itself for a master."""
        return self.is_well and self.information("replication")["role"] == "master"

    def replicate(self, master: RedisProcess) -> None:
        """Become a replica, which is linked when this returns."""
        host, port = master.address.split(":")
        self.command("REPLICAOF", host, port)
        wait_until(lambda: self.is_linked)

    @property
    def is_linked(self) -> bool:
        """Whether it is a replica that has all of its master's data, and has it on its disk."""
        return (
            self.information("replication").get("master_link_status") == "up"
            and self.information("persistence")["aof_rewrite_in_progress"] == "0"
        )

    def flush(self) -> None:
        """Forget everything."""
        self.command("FLUSHALL")


def acl_user(name: str, password: str, *rules: str) -> tuple[str, ...]:
    """Return the options that give a server one more user."""
    return ("--user", name, "on", f">{password}", *rules)


_DURABLE = (
    *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
    *("--maxmemory-policy", "noeviction"),
)
_QUICK_TO_COPY = ("--repl-diskless-sync-delay", "0")
