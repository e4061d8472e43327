"""Closed-loop load over gRPC, by h2load: every stream that ends begins the next.

h2load sees HTTP statuses and knows nothing of `grpc-status`: who uses this asks
the server how its calls ended.
"""

import re
import subprocess
from pathlib import Path
from typing import Final

from bench.load.loads import Answered, Target
from bench.load.percentiles import percentile

_CONNECTIONS: Final = 8
_BEYOND: Final = 30.0
_COUNTS: Final = re.compile(r"^requests: .* (\d+) done, (\d+) succeeded, ", re.MULTILINE)
_FINISHED: Final = re.compile(r"^finished in ([\d.]+)(us|ms|s|m|h), ", re.MULTILINE)
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_OK: Final = "200"


def h2load(target: Target, folder: Path, *, calls: int, seconds: float) -> Answered:
    (message,) = target.bodies
    data, log = folder / "message", folder / "h2load.tsv"
    data.write_bytes(framed(message))
    log.unlink(missing_ok=True)
    connections = min(_CONNECTIONS, calls)
    done = subprocess.run(
        [
            *("h2load", "--threads", "1", "--clients", str(connections)),
            *("--max-concurrent-streams", str(max(1, calls // connections))),
            *("--duration", f"{max(1, round(seconds))}", "--data", str(data)),
            *("--log-file", str(log)),
            *(
                word
                for name, value in target.headers.items()
                for word in ("-H", f"{name}: {value}")
            ),
            target.url,
        ],
        capture_output=True,
        text=True,
        timeout=seconds + _BEYOND,
        check=True,
    )
    return read_h2load(done.stdout, log.read_text())


def read_h2load(output: str, log: str) -> Answered:
    """Read what it prints and what it wrote of each request: start, status, microseconds."""
    counts, finished = _COUNTS.search(output), _FINISHED.search(output)
    if counts is None or finished is None:
        raise ValueError(f"h2load told no result: {output}")
    done, succeeded = map(int, counts.groups())
    rows = [line.split("\t") for line in log.splitlines()]
    times = sorted(int(row[2]) / 1e3 for row in rows if row[1] == _OK)
    return Answered(
        requests=done,
        seconds=float(finished[1]) * _SECONDS[finished[2]],
        p50_ms=percentile(times, 50),
        p99_ms=percentile(times, 99),
        failed=done - succeeded,
    )


def framed(message: bytes) -> bytes:
    """Return a gRPC message as it is sent: not compressed, and how long it is."""
    return b"\0" + len(message).to_bytes(4, "big") + message
