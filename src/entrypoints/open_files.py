"""Room for the connections that workers take: each is an open file."""

import resource
from typing import Final

_WANTED: Final = 16_384

FEW_FILES: Final = 12_200
"""With fewer, a worker cannot hold the connections that its limits allow."""


def make_room() -> int:
    """Raise the limit of open files for this process and those that it starts; return it.

    The usual one, of 1,024, is for programs that use `select`. The hard limit
    is the operator's.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _WANTED:
        return _WANTED
    raised = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised
