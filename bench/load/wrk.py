"""Closed-loop load over HTTP, by wrk: every connection asks again once it is answered."""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

from bench.load.loads import Answered, Target

_SCRIPT: Final = Path(__file__).with_name("post.lua")
_RESULT: Final = "RESULT "
_BEYOND: Final = 30.0


def wrk(target: Target, folder: Path, *, connections: int, seconds: float) -> Answered:
    bodies = folder / "bodies"
    bodies.write_bytes(b"".join(body + b"\n" for body in target.bodies))
    headers = folder / "headers"
    headers.write_text("".join(f"{name}: {value}\n" for name, value in target.headers.items()))
    done = subprocess.run(
        [
            *("wrk", "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", "10s"),
            *("--script", str(_SCRIPT), target.url),
        ],
        env={**os.environ, "BODIES": str(bodies), "HEADERS": str(headers)},
        capture_output=True,
        text=True,
        timeout=seconds + _BEYOND,
        check=True,
    )
    return read_wrk(done.stdout)


def read_wrk(output: str) -> Answered:
    """Read what the script prints at the end."""
    for line in output.splitlines():
        if line.startswith(_RESULT):
            return Answered(**json.loads(line.removeprefix(_RESULT)))
    raise ValueError(f"wrk told no result: {output}")
