"""Programs that are started for one run, and stopped by their ids at its end."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_WITHIN: Final = 30.0
_LOOK_EVERY: Final = 0.02
REPOSITORY: Final = Path(__file__).parents[2]


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    is_ready: Callable[[], bool],
    folder: Path = REPOSITORY,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block, which begins when it is ready.

    Raises:
        RuntimeError: If it ends before, or takes too long.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _WITHIN
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not serve: {log.read_text()}")
            time.sleep(_LOOK_EVERY)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
