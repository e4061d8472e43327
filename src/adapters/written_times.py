"""Times as lines have them: in UTC, each second written once."""

import time
from functools import lru_cache


@lru_cache(maxsize=4)
def written_second(timestamp: int) -> str:
    """Write the second that begins at *timestamp*, without a zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(timestamp))
