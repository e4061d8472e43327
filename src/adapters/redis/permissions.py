"""What our user has to be allowed, and no more.

docs/operations.md has it as one line for an operator.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from adapters.redis.keys import ALL
from adapters.redis.keys import NEVER_WRITTEN as _KEY

# With arguments, since what is allowed may depend on them.
_EVERYWHERE: Final = (
    *("PING", "TIME", "INFO", "CLIENT SETNAME -"),
    *("EVAL - 0", "EVALSHA - 0", f"MGET {_KEY}"),
    *(f"GET {_KEY}", f"SET {_KEY} -", f"DEL {_KEY}", f"EXISTS {_KEY}"),
    *(f"PEXPIRE {_KEY} 1", f"PTTL {_KEY}"),
    *(f"HSET {_KEY} - -", f"HDEL {_KEY} -", f"HVALS {_KEY}"),
    *(f"SADD {_KEY} -", f"SREM {_KEY} -"),
    *(f"ZADD {_KEY} 0 -", f"ZREM {_KEY} -", f"ZCARD {_KEY}"),
    *(f"ZRANGE {_KEY} 0 0", f"ZRANGEBYLEX {_KEY} - +"),
    *(f"ZRANGEBYSCORE {_KEY} 0 0", f"ZREVRANGEBYSCORE {_KEY} 0 0"),
    f"XADD {_KEY} * - -",
)
_TO_WAIT: Final = ("WAIT 0 0",)
_IN_A_CLUSTER: Final = ("CLUSTER INFO", "CLUSTER SLOTS", "ASKING")
_OUTSIDE_A_CLUSTER: Final = ("SELECT 0",)
_TO_LOOK: Final = ("CONFIG GET appendfsync",)

_WITH_SUBCOMMANDS: Final = frozenset({"CLIENT", "CLUSTER", "CONFIG"})


def needed(*, in_cluster: bool, waits: bool) -> Sequence[str]:
    """Return the commands without which something does not work."""
    return (
        *_EVERYWHERE,
        *(_IN_A_CLUSTER if in_cluster else _OUTSIDE_A_CLUSTER),
        *(_TO_WAIT if waits else ()),
    )


def names(commands: Iterable[str]) -> Sequence[str]:
    """Return what an ACL calls these commands: `mget`, `config|get`."""
    return [_name(command) for command in commands]


def rules() -> str:
    """Return the rules of a user for every deployment, `grantd doctor` included."""
    commands = (*_EVERYWHERE, *_OUTSIDE_A_CLUSTER, *_TO_WAIT, *_IN_A_CLUSTER, *_TO_LOOK)
    return allowing(names(commands), beginning="-@all")


def allowing(commands: Iterable[str], *, beginning: str = "") -> str:
    """Return the rules that allow commands, by the names that an ACL has for them."""
    allowed = (f"+{command}" for command in commands)
    return " ".join(filter(None, (beginning, f"~{ALL}", *allowed)))


def _name(command: str) -> str:
    first, _, rest = command.partition(" ")
    words = (first, rest.split(" ", 1)[0]) if first in _WITH_SUBCOMMANDS else (first,)
    return "|".join(words).lower()
