"""What failures of Redis mean for the step that met them."""

from collections.abc import Mapping
from typing import Final

from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from adapters.redis.address import Endpoint

ConnectionLost: Final = RedisConnectionError
ReplyOverdue: Final = RedisTimeoutError


class CircuitOpen(Exception):
    """Nothing was sent, since lately nobody answered."""


class NoPrimary(Exception):
    """Nothing was sent, since it is not known which server is the primary."""


class NotAPrimary(RedisConnectionError):
    """The server at the other end is not one that may be asked."""


class TooFewReplicas(RedisError):
    """A step was taken, and not as many replicas have it as were asked for."""


# The server is not, or not any more, one to ask.
AWAY: Final = (ConnectionLost, ReplyOverdue, ReadOnlyError, MasterDownError)

# A slot is on its way from one node to another.
IN_MOTION: Final = (TryAgainError, AskError, MovedError)

# The step was not begun; or it may have been, and is safe to take again.
READ_AGAIN: Final = (
    *(ConnectionLost, NoPrimary),
    *(ReadOnlyError, MasterDownError, ClusterDownError),
    *IN_MOTION,
)
# A read whose reply is overdue is not repeated: its caller may do so, and would wait no longer.
STEP_AGAIN: Final = (*READ_AGAIN, ReplyOverdue)

FAILED: Final = (RedisError, OSError, CircuitOpen, NoPrimary)


def reasons(answers: Mapping[Endpoint, object]) -> str:
    """Say behind a sentence who failed to answer, and why; nothing if nobody did."""
    failures = [
        f"{place}: {type(answer).__name__}: {answer}"
        for place, answer in sorted(answers.items())
        if isinstance(answer, Exception)
    ]
    return f" ({'; '.join(failures)})" if failures else ""
