"""Many commands of the command line in one process, since starting one costs more than a command.

As a program it reads a JSON array of argument lists on standard input and
prints what became of each.
"""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from entrypoints.cli.app import run
from support.grantd_process import GrantdProcess


@dataclass(frozen=True, slots=True)
class Done:
    """What one command did."""

    command: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


def run_commands(server: GrantdProcess, commands: Sequence[Sequence[str]]) -> list[Done]:
    """Run commands one after the other, in the folder and the environment of a server."""
    told = subprocess.run(
        [sys.executable, "-m", "support.many_commands"],
        cwd=server.folder,
        env={**server.environment, "PYTHONPATH": ":".join(sys.path)},
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [Done(**{**one, "command": tuple(one["command"])}) for one in json.loads(told.stdout)]


def _run(command: Sequence[str]) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(list(command))
    return Done(tuple(command), status, out.getvalue(), err.getvalue())


if __name__ == "__main__":
    print(json.dumps([asdict(_run(command)) for command in json.load(sys.stdin)]))  # noqa: T201  (its reply)
